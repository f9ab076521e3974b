// One prompt's work on a server: a Tinker session with a model in it. Steps go out all at once, their losses come back in
// order. Loss weights are 1/n and all of Adam's values are sent, so that every server computes the same update, whatever its
// defaults are. Whatever happens, everything is freed: promises cancelled, the model unloaded, the session finished, each
// once, with a clock of its own; and a server that hears none of it ends the session for want of heartbeats.
// Left out: `reuseGradients` has no counterpart on the wire. Each step computes its gradient, which is what it saves.
import { z } from 'zod';
import { FaultError } from '../../../wire/faults.ts';
import {
  BACKEND_FREE_MS,
  BACKEND_FREE_WAIT_MS,
  BACKEND_HEARTBEAT_MS,
  MAX_BACKEND_LINE_BYTES,
} from '../../../wire/limits.ts';
import { at } from '../../../wire/list.ts';
import { messageOf } from '../../../wire/message.ts';
import type { Generation, OpenOptions, Piece, Sampling, Score, Session, Step } from '../contract.ts';
import {
  type Example,
  fittingPrompt,
  promptIds,
  type Reader,
  scoredIds,
  scoringWindows,
  trainedExample,
} from '../text/sequence.ts';
import { awaitFuture, promised } from './future.ts';
import { linesOf } from './lines.ts';
import {
  logprobsOfJson,
  logprobsOfProto,
  lossRequestJson,
  lossRequestProto,
  sampleOfJson,
  sampleOfProto,
} from './messages.ts';
import { pieces, type Tokens } from './pieces.ts';
import { pipelined } from './pipeline.ts';
import { asThrown, ServerError } from './problems.ts';
import { type Body, json, SDK_VERSION, type TinkerServer } from './server.ts';

/** A model as the gateway serves it, once its servers have been asked. */
export interface RemoteModel {
  readonly id: string;
  readonly serverName: string;
  readonly reader: Reader;
  readonly ends: readonly number[];
  /** Of one example. */
  readonly trainTokens: number;
}

export interface SessionContext {
  readonly server: TinkerServer;
  readonly model: RemoteModel;
  readonly encoding: 'protobuf' | 'json';
  readonly heartbeatMs?: number;
  readonly pollMs?: number;
  /** Called once when everything was freed, or could not be. */
  readonly freed: () => void;
}

/** What is trained: a model of the session. A restart makes another. */
interface Trained {
  readonly id: string;
  /** The number of its last operation; they begin at 1 and must have no gap. */
  seq: number;
  /** Of the weights as they are now, once they were saved. */
  sampler: string | undefined;
  samples: number;
  /** Why nothing more can be asked of it. */
  torn: unknown;
}

const created = z.object({ session_id: z.string().min(1) });
const anything = z.looseObject({});
const modelResult = z.object({ model_id: z.string().min(1) });
const samplerResult = z.object({ sampling_session_id: z.string().min(1) });
const streamLine = z.union([
  z.object({ tokens: z.array(z.int().min(0)) }),
  z.object({ stop_reason: z.enum(['stop', 'length']) }),
  z.object({ error: z.string(), category: z.string().default('unknown') }),
]);

const never = new AbortController().signal;

/** Lets other requests have a turn: reading a text of the largest size takes some tenths of a second. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The work's result, or the signal's reason as soon as it is aborted; the work goes on by itself. */
const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => {});
  work.catch(() => {});
  const aborted = (): void => gone.reject(signal.reason);
  signal.addEventListener('abort', aborted, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, gone.promise]);
  } finally {
    signal.removeEventListener('abort', aborted);
  }
};

/** Waits, but no longer than this. */
const upTo = async (ms: number, work: Promise<unknown>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
};

export const openSession = async (
  { server, model, encoding, heartbeatMs = BACKEND_HEARTBEAT_MS, pollMs, freed }: SessionContext,
  options: OpenOptions,
  opening: AbortSignal,
): Promise<Session> => {
  const { reader } = model;
  const context = reader.architecture.context;
  let { learningRate } = options.optimiser;
  let steps = 0;
  let sessionId: string | undefined;
  let modelCount = 0;
  let trained: Trained | undefined;
  /** Ids of the models that were asked for and not unloaded. */
  const loaded = new Set<string>();
  /** Calls that may make something on the server, and whose answers say what has to be freed. */
  const making = new Set<Promise<unknown>>();
  const ended = new AbortController();
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let gone: unknown;
  let closing: Promise<void> | undefined;

  const made = <T>(work: Promise<T>): Promise<T> => {
    making.add(work);
    work.then(
      () => making.delete(work),
      () => making.delete(work),
    );
    return work;
  };
  /** The caller's signal, and the session's own end. */
  const within = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, ended.signal]);
  const result = (requestId: string, signal: AbortSignal): Promise<Body> =>
    awaitFuture(server, requestId, signal, pollMs);
  const jsonResult = async <Schema extends z.ZodType>(requestId: string, schema: Schema, signal: AbortSignal) => {
    const body = await result(requestId, signal);
    const parsed = body.type === 'json' ? schema.safeParse(body.value) : undefined;
    if (parsed?.success) return parsed.data;
    throw server.error({ kind: 'nonsense', what: 'the result of a promise' });
  };

  /** Frees what can be freed in the background: nobody waits for it, and what fails is the server's to clean up. */
  const quietly = (path: string, value: unknown): Promise<void> =>
    server
      .post(path, json(value), anything, { signal: AbortSignal.timeout(BACKEND_FREE_MS), firstByteMs: BACKEND_FREE_MS })
      .then(
        () => {},
        () => {},
      );
  const cancel = (requestIds: readonly string[]): void => {
    if (!server.cancels) return;
    for (const request_id of requestIds) void quietly('cancel_future', { request_id });
  };
  const unload = async (id: string): Promise<void> => {
    loaded.delete(id);
    await quietly('unload_model', { model_id: id, type: 'unload_model' });
  };

  const createModel = async (session_id: string): Promise<Trained> => {
    const model_seq_id = modelCount++;
    const sift = options.method === 'full' ? { sift: { method: 'full' } } : {};
    const body = {
      session_id,
      model_seq_id,
      base_model: model.serverName,
      lora_config: {
        rank: options.rank,
        seed: options.seed,
        train_unembed: false,
        train_mlp: true,
        train_attn: true,
      },
      optimizer_config: { type: 'adamw' },
      type: 'create_model',
      ...sift,
    };
    // under this name at the latest: servers name models so, whether they tell it or not
    loaded.add(`${session_id}:train:${model_seq_id}`);
    const { request_id } = await server.post('create_model', json(body), promised, { signal: never });
    const { model_id: id } = await jsonResult(request_id, modelResult, ended.signal);
    loaded.add(id);
    return { id, seq: 0, sampler: undefined, samples: 0, torn: undefined };
  };

  const beat = async (session_id: string): Promise<void> => {
    try {
      const value = { session_id, type: 'session_heartbeat' };
      await server.post('session_heartbeat', json(value), anything, { signal: ended.signal, once: true });
    } catch (error) {
      // one that is lost is followed by others; a server that has forgotten the session says so
      if (error instanceof ServerError && error.problem.kind === 'gone') gone ??= error;
    }
  };

  const free = async (): Promise<void> => {
    clearInterval(heartbeat);
    ended.abort(new FaultError({ kind: 'cancelled', stage: 'work' }));
    // what is being made is known only once the answer is there
    await upTo(BACKEND_FREE_MS, Promise.allSettled(making));
    await Promise.all([...loaded].map(unload));
    if (sessionId !== undefined) {
      await quietly(`sessions/${encodeURIComponent(sessionId)}/finish`, { reason: { type: 'success' } });
    }
    freed();
  };
  const close = (): Promise<void> => {
    closing ??= free();
    return upTo(BACKEND_FREE_WAIT_MS, closing);
  };

  /** The model that work goes to; throws where there is none any more. */
  const current = (): Trained => {
    if (gone !== undefined) throw gone;
    if (trained === undefined || closing !== undefined) {
      throw new FaultError({ kind: 'backend', message: 'the session is closed' });
    }
    if (trained.torn !== undefined) throw trained.torn;
    return trained;
  };

  async function* guarded<T, R>(work: () => AsyncGenerator<T, R, void>): AsyncGenerator<T, R, void> {
    try {
      return yield* work();
    } catch (error) {
      throw asThrown(gone ?? error);
    }
  }
  const called = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asThrown(gone ?? error);
    }
  };

  /** Sends an operation under the next number. */
  const operate = (to: Trained, path: string, value: object, signal: AbortSignal): Promise<string> => {
    to.seq += 1;
    const body = json({ ...value, model_id: to.id, seq_id: to.seq });
    return server.post(path, body, promised, { signal }).then(({ request_id }) => request_id);
  };
  const sendLoss = (to: Trained, ids: readonly number[], forwardOnly: boolean, signal: AbortSignal) => {
    to.seq += 1;
    const targets = ids.length - 1;
    const datum = { ids, weights: new Float32Array(targets).fill(1 / targets) };
    const request = { modelId: to.id, seqId: to.seq, datum, forwardOnly };
    const [path, body]: [string, Body] =
      encoding === 'protobuf'
        ? ['forward_backward', { type: 'protobuf', bytes: lossRequestProto(request) }]
        : [forwardOnly ? 'forward' : 'forward_backward', json(lossRequestJson(request))];
    return server.post(path, body, promised, { signal }).then(({ request_id }) => request_id);
  };
  const optimise = (to: Trained, signal: AbortSignal): Promise<string> => {
    const { beta1, beta2, epsilon, weightDecay } = options.optimiser;
    const adam_params = {
      learning_rate: learningRate,
      beta1,
      beta2,
      eps: epsilon,
      weight_decay: weightDecay,
      grad_clip_norm: 0,
    };
    return operate(to, 'optim_step', { adam_params, type: 'optim_step' }, signal);
  };
  const understood = <T>(what: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw server.error({ kind: 'nonsense', what: `${what}: ${messageOf(error)}` }, error);
    }
  };
  const logprobs = async (requestId: string, targets: number, signal: AbortSignal): Promise<Float32Array> => {
    const body = await result(requestId, signal);
    const logp = understood('log-probabilities', () =>
      body.type === 'protobuf' ? logprobsOfProto(body.bytes) : logprobsOfJson(body.value),
    );
    if (logp.length === targets) return logp;
    throw server.error({ kind: 'nonsense', what: `${logp.length} log-probabilities of ${targets} tokens` });
  };
  const meanLoss = (logp: Float32Array): number => logp.reduce((sum, value) => sum - value, 0) / logp.length;

  const notFinite = (what: string): FaultError => {
    const after =
      steps === 0
        ? `of model '${model.id}' are not finite numbers`
        : `are not finite numbers after ${steps} ${steps === 1 ? 'step' : 'steps'} at learning_rate ${learningRate}; a smaller learning_rate may help`;
    return new FaultError({ kind: 'backend', message: `${what} ${after}` });
  };
  const torn = (to: Trained) => (error: unknown) => {
    to.torn ??= new FaultError({ kind: 'backend', message: `earlier work of this session was cut short` }, error);
  };

  const examplesOf = async (texts: readonly string[], signal: AbortSignal): Promise<Example[]> => {
    const examples: Example[] = [];
    for (const text of texts) {
      await turn();
      signal.throwIfAborted();
      examples.push(trainedExample(reader, text, model.trainTokens));
    }
    return examples;
  };

  async function* train(texts: readonly string[], signal: AbortSignal): AsyncGenerator<Step, void, void> {
    const examples = await examplesOf(texts, signal);
    const to = current();
    const full = examples.filter(({ tokens }) => tokens > 0);
    if (full.length > 0) to.sampler = undefined;
    let last = performance.now();
    const losses = pipelined(
      {
        count: full.length,
        submit: (index, inner) => Promise.all([sendLoss(to, at(full, index).ids, false, inner), optimise(to, inner)]),
        async result([loss, step], index, inner) {
          const [logp, stepped] = await Promise.all([
            logprobs(loss ?? '', at(full, index).tokens, inner),
            result(step ?? '', inner).catch((error: unknown) => ({ error })),
          ]);
          const mean = meanLoss(logp);
          // a loss that is no number says more than the step that the server then refuses
          if ('error' in stepped && Number.isFinite(mean)) throw stepped.error;
          return mean;
        },
        cancel,
        torn: torn(to),
      },
      within(signal),
    );
    try {
      for (const { tokens, truncated } of examples) {
        if (tokens === 0) {
          yield { loss: 0, tokens, truncated, ms: 0, reused: false };
          continue;
        }
        const next = await losses.next();
        if (next.done) return;
        const { value: loss, at: came } = next.value;
        steps += 1;
        const ms = Math.max(0, came - last);
        last = Math.max(last, came);
        yield { loss, tokens, truncated, ms, reused: false };
      }
    } finally {
      await losses.return();
    }
  }

  /** Losses of passes without a gradient, in order; each of as many log-probabilities as it has targets. */
  const forward = (passes: readonly (readonly number[])[], signal: AbortSignal) => {
    const to = current();
    return pipelined<Float32Array>(
      {
        count: passes.length,
        submit: async (index, inner) => [await sendLoss(to, at(passes, index), true, inner)],
        result: ([id], index, inner) => logprobs(id ?? '', at(passes, index).length - 1, inner),
        cancel,
        torn: torn(to),
      },
      within(signal),
    );
  };

  async function* losses(texts: readonly string[], signal: AbortSignal): AsyncGenerator<number, void, void> {
    const examples = await examplesOf(texts, signal);
    const passes = forward(
      examples.filter(({ tokens }) => tokens > 0).map(({ ids }) => ids),
      signal,
    );
    try {
      for (const { tokens } of examples) {
        if (tokens === 0) {
          yield 0;
          continue;
        }
        const next = await passes.next();
        if (next.done) return;
        const loss = meanLoss(next.value.value);
        if (!Number.isFinite(loss)) throw notFinite('the probabilities');
        yield loss;
      }
    } finally {
      await passes.return();
    }
  }

  const score = async (before: string, text: string, signal: AbortSignal): Promise<Score> => {
    await turn();
    signal.throwIfAborted();
    const { ids, from: first } = scoredIds(reader, before, text);
    const windows = scoringWindows(ids.length, first, context);
    const passes = forward(
      windows.map(({ from, end }) => ids.slice(from, end)),
      signal,
    );
    let nats = 0;
    let index = 0;
    for await (const { value: logp } of passes) {
      const { from, next, end } = at(windows, index++);
      for (let i = next; i < end; i++) nats -= at(logp, i - from - 1);
    }
    if (!Number.isFinite(nats)) throw notFinite('the probabilities');
    return { bits: nats / Math.LN2, bytes: Buffer.byteLength(text), tokens: ids.length - first };
  };

  /** A sampler of the weights as they are; one is kept until they change, since each takes room on the server. */
  const samplerOf = async (to: Trained, signal: AbortSignal): Promise<string> => {
    if (to.sampler !== undefined) return to.sampler;
    let requestId: string;
    try {
      const value = { sampling_session_seq_id: to.samples++, kind: 'snapshot', type: 'save_weights_for_sampler' };
      requestId = await operate(to, 'save_weights_for_sampler', value, signal);
    } catch (error) {
      torn(to)(error);
      throw error;
    }
    const { sampling_session_id } = await jsonResult(requestId, samplerResult, signal);
    to.sampler = sampling_session_id;
    return sampling_session_id;
  };

  let asked = 0;
  async function* tokensOf(prompt: readonly number[], limit: number, sampling: Sampling, signal: AbortSignal): Tokens {
    const sampling_session_id = await samplerOf(current(), signal);
    const { temperature, topK, topP, seed } = sampling;
    const body = {
      sampling_session_id,
      seq_id: asked++,
      num_samples: 1,
      prompt: { chunks: [{ type: 'encoded_text', tokens: prompt }] },
      sampling_params: { max_tokens: limit, temperature, top_k: topK === 0 ? -1 : topK, top_p: topP, seed },
      type: 'sample',
    };
    const { request_id } = await server.post('asample', json(body), promised, { signal });
    let over = false;
    try {
      if (server.capabilities?.streams !== true) {
        const answer = await result(request_id, signal);
        const { tokens, stopReason } = understood('a sample', () =>
          answer.type === 'protobuf' ? sampleOfProto(answer.bytes) : sampleOfJson(answer.value),
        );
        over = true;
        yield tokens;
        return stopReason;
      }
      const answer = await server.stream(`sift/stream/${encodeURIComponent(request_id)}`, { signal });
      for await (const line of linesOf(answer.chunks(), MAX_BACKEND_LINE_BYTES, server)) {
        const said = server.parse(line, streamLine, 'a line of a stream');
        if ('tokens' in said) yield said.tokens;
        else {
          over = true;
          if ('stop_reason' in said) return said.stop_reason;
          throw server.error({ kind: 'failed', words: said.error, category: said.category });
        }
      }
      throw server.error({ kind: 'broken', why: 'a stream without an end' });
    } finally {
      if (!over) cancel([request_id]);
    }
  }

  async function* generate(
    text: string,
    sampling: Sampling,
    signal: AbortSignal,
  ): AsyncGenerator<Piece, Generation, void> {
    signal.throwIfAborted();
    const prompt = fittingPrompt(reader, text);
    const limit = Math.min(sampling.maxTokens, context - prompt.length);
    if (limit <= 0) return { finishReason: 'length', promptTokens: prompt.length, completionTokens: 0 };
    const { tokenizer } = reader;
    const said = { tokenizer, ends: model.ends, prompt, limit };
    return yield* pieces(tokensOf(prompt, limit, sampling, within(signal)), said, sampling, signal);
  }

  /** What the server makes is made to its end, so that it can be freed; the caller waits no longer than it wants to. */
  const begin = async (): Promise<void> => {
    const metadata = options.tenant === undefined ? {} : { tenant: options.tenant };
    const body = { tags: ['sift-edge'], user_metadata: metadata, sdk_version: SDK_VERSION, type: 'create_session' };
    const { session_id } = await server.post('create_session', json(body), created, { signal: never });
    sessionId = session_id;
    heartbeat = setInterval(() => void beat(session_id), heartbeatMs);
    heartbeat.unref();
    ended.signal.throwIfAborted();
    trained = await createModel(session_id);
  };

  try {
    await orAborted(made(begin()), opening);
  } catch (error) {
    closing ??= free();
    throw error;
  }

  return {
    check: (prompt, signal) =>
      called(async () => {
        await turn();
        signal.throwIfAborted();
        fittingPrompt(reader, prompt);
      }),
    count: (texts, signal) =>
      called(async () => {
        const counts: number[] = [];
        for (const text of texts) {
          await turn();
          signal.throwIfAborted();
          counts.push(promptIds(reader, text).length);
        }
        return counts;
      }),
    train: (texts, signal) => guarded(() => train(texts, signal)),
    losses: (texts, signal) => guarded(() => losses(texts, signal)),
    restart: (rate, signal) =>
      called(async () => {
        signal.throwIfAborted();
        if (gone !== undefined) throw gone;
        if (sessionId === undefined || closing !== undefined) current();
        const before = trained;
        trained = undefined;
        learningRate = rate;
        steps = 0;
        const replace = async (): Promise<void> => {
          // first, since a full server has no room for another beside it
          if (before !== undefined) await unload(before.id);
          trained = await createModel(sessionId ?? '');
        };
        await orAborted(made(replace()), signal);
      }),
    generate: (prompt, sampling, signal) => guarded(() => generate(prompt, sampling, signal)),
    score: (before, text, signal) => called(() => orAborted(score(before, text, signal), signal)),
    close,
  };
};
