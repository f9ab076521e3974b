// A Tinker server of a few hundred lines that speaks the wire of SDK 0.38 and our extension over a tiny model (tiny-model.ts),
// so that the client is tested in a plain clone. It counts what is made and freed, and a test can have any request of it go
// wrong (`misbehave`). Operations run in the order of their numbers, one after another, as on a real server.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '../../wire/random.ts';
import { type LossCall, readLossCall, writeLosses, writeSample } from './tinker-wire.ts';
import { type AdamParams, CONTEXT, END, type TinyModel, tinyFiles, tinyModel } from './tiny-model.ts';

export const MODEL = 'tiny/bytes';

export interface Request {
  /** Below /api/v1/. */
  readonly path: string;
  /** The how manieth request of this path, from 1. */
  readonly times: number;
  readonly headers: IncomingMessage['headers'];
}

/** Takes a request over: true if it has dealt with it; `lost`: it is done, but its answer breaks off. */
export type Misbehave = (request: Request, response: ServerResponse) => boolean | 'lost' | Promise<boolean>;

export interface ScriptOptions {
  /** Whether the extension `sift` is there. */
  extended?: boolean;
  encoding?: 'protobuf' | 'json';
  key?: string;
  methods?: readonly string[];
  slots?: number;
  revision?: string;
  /** Milliseconds of a long poll. */
  pollMs?: number;
  /** Milliseconds of each operation and each token. */
  workMs?: number;
  trainTokens?: number;
  files?: Readonly<Record<string, string>>;
  misbehave?: Misbehave;
  /** Its streams tell tokens alone. */
  silent?: boolean;
  /** Whether it has room for adapters. */
  keeps?: boolean;
  /** Of every log-probability that is told. */
  told?: (logprob: number) => number;
}

interface Future {
  readonly id: string;
  readonly owner: string;
  done: Promise<void>;
  finish: (result: Result) => void;
  result: Result | undefined;
  cancelled: boolean;
  /** Tokens so far, for the stream, and how probable each was. */
  partial: number[];
  logprobs: number[];
  heard: () => void;
}
type Result =
  | { readonly json: unknown; readonly status?: number }
  | { readonly logprobs: Float32Array }
  | { readonly tokens: readonly number[]; readonly told: readonly number[]; readonly reason: 'stop' | 'length' };

interface Operation {
  readonly future: Future;
  run(): void | Promise<void>;
}
interface Loaded {
  readonly id: string;
  readonly session: string;
  readonly model: TinyModel;
  next: number;
  readonly waiting: Map<number, Operation>;
  readonly seen: Map<number, string>;
  running: boolean;
}

const wait = (ms: number): Promise<void> =>
  ms === 0 ? new Promise((resolve) => setImmediate(resolve)) : new Promise((resolve) => setTimeout(resolve, ms));

export const startTinkerServer = async (options: ScriptOptions = {}) => {
  const { extended = true, encoding = 'protobuf', pollMs = 300, workMs = 0, slots = 64 } = options;
  const files = { ...tinyFiles(), ...options.files };
  const sessions = new Map<string, { beats: number; metadata: unknown }>();
  const models = new Map<string, Loaded>();
  const samplers = new Map<string, { session: string; model: TinyModel }>();
  const futures = new Map<string, Future>();
  const kept = new Map<string, TinyModel>();
  const counts = new Map<string, number>();
  const log: { path: string; body: unknown }[] = [];
  let steps = 0;
  let streams = 0;

  const promise = (owner: string): Future => {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const future: Future = {
      id: randomUUID(),
      owner,
      done,
      result: undefined,
      cancelled: false,
      partial: [],
      logprobs: [],
      heard: () => {},
      finish(result) {
        future.result ??= result;
        future.heard();
        resolve();
      },
    };
    futures.set(future.id, future);
    return future;
  };
  const failed = (error: string, category = 'user'): Result => ({ json: { error, category } });

  const advance = async (loaded: Loaded): Promise<void> => {
    if (loaded.running) return;
    loaded.running = true;
    for (let op = loaded.waiting.get(loaded.next); op !== undefined; op = loaded.waiting.get(loaded.next)) {
      loaded.waiting.delete(loaded.next);
      loaded.next += 1;
      await wait(workMs);
      if (op.future.cancelled || !models.has(loaded.id)) op.future.finish(failed('cancelled'));
      else await op.run();
    }
    loaded.running = false;
  };
  /** The promise of an operation: a number that was seen before is the same operation. */
  const enqueue = (modelId: string, seq: number, run: (loaded: Loaded, future: Future) => void | Promise<void>) => {
    const loaded = models.get(modelId);
    if (loaded === undefined) return undefined;
    const known = loaded.seen.get(seq);
    if (known !== undefined) return known;
    const future = promise(loaded.session);
    loaded.seen.set(seq, future.id);
    loaded.waiting.set(seq, { future, run: () => run(loaded, future) });
    void advance(loaded);
    return future.id;
  };

  const loss = (call: LossCall) =>
    enqueue(call.modelId, call.seqId, ({ model }, future) => {
      if (call.lossFn !== 'cross_entropy') return future.finish(failed(`unknown loss ${call.lossFn}`));
      const logprobs = model.logprobs(call.inputs, call.targets, call.forwardOnly ? undefined : call.weights);
      future.finish({ logprobs: options.told === undefined ? logprobs : logprobs.map(options.told) });
    });

  const generate = async (model: TinyModel, future: Future, prompt: number[], params: Sampling): Promise<void> => {
    const random = seededRandom(params.seed);
    let last = prompt.at(-1) ?? END;
    for (let made = 0; made < params.max_tokens; made++) {
      await wait(workMs);
      if (future.cancelled) return future.finish(failed('cancelled'));
      const before = last;
      last = model.next(before, { ...params, top_k: Math.max(0, params.top_k) }, random);
      future.partial.push(last);
      future.logprobs.push(model.logprobs([before], [last], undefined)[0] ?? Number.NaN);
      future.heard();
      if (last === END) return future.finish({ tokens: future.partial, told: future.logprobs, reason: 'stop' });
    }
    future.finish({ tokens: future.partial, told: future.logprobs, reason: 'length' });
  };

  const unload = (id: string): void => {
    const loaded = models.get(id);
    models.delete(id);
    for (const { future } of loaded?.waiting.values() ?? []) future.finish(failed('the model was unloaded'));
  };

  const send = (response: ServerResponse, status: number, value: unknown, headers = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  };

  const retrieve = async (id: string, response: ServerResponse): Promise<void> => {
    const future = futures.get(id);
    if (future === undefined) return send(response, 410, { error: 'unknown promise' });
    await Promise.race([future.done, wait(pollMs)]);
    const { result } = future;
    if (result === undefined) return send(response, 408, { type: 'try_again', queue_state: 'active' });
    futures.delete(id);
    if ('json' in result) return send(response, result.status ?? 200, result.json);
    const proto = (bytes: Uint8Array): void => {
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(bytes);
    };
    if ('tokens' in result) {
      if (encoding === 'protobuf') return proto(writeSample(result.tokens, result.told, result.reason));
      return send(response, 200, {
        sequences: [{ tokens: result.tokens, logprobs: result.told, stop_reason: result.reason }],
      });
    }
    if (encoding === 'protobuf') return proto(writeLosses(result.logprobs));
    const data = Array.from(result.logprobs, (value) => (Number.isNaN(value) ? null : value));
    send(response, 200, { loss_fn_outputs: [{ logprobs: { data, dtype: 'float32', shape: [data.length] } }] });
  };

  const stream = async (id: string, response: ServerResponse): Promise<void> => {
    const future = futures.get(id);
    if (future === undefined) return send(response, 410, { error: 'unknown promise' });
    streams += 1;
    response.on('close', () => {
      streams -= 1;
      future.cancelled = true;
      futures.delete(id);
      future.heard();
    });
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (let sent = 0; ; ) {
      const { promise: more, resolve } = Promise.withResolvers<void>();
      future.heard = resolve;
      const tokens = future.partial.slice(sent);
      const logprobs = future.logprobs.slice(sent, sent + tokens.length);
      sent += tokens.length;
      const line = options.silent === true ? { tokens } : { tokens, logprobs };
      if (tokens.length > 0) response.write(`${JSON.stringify(line)}\n`);
      if (response.destroyed) return;
      if (future.result !== undefined) {
        const { result } = future;
        const last = 'tokens' in result ? { stop_reason: result.reason } : 'json' in result ? result.json : {};
        response.end(`${JSON.stringify(last)}\n`);
        return;
      }
      await more;
    }
  };

  interface Sampling {
    max_tokens: number;
    temperature: number;
    top_k: number;
    top_p: number;
    seed: number;
  }
  // the tests look at what was sent; here it is taken as it is
  // biome-ignore lint/suspicious/noExplicitAny: a scripted server's bodies have no schema
  const handle = async (path: string, body: any, bytes: Uint8Array, type: string, response: ServerResponse) => {
    const promised = (id: string | undefined, more = {}): void =>
      id === undefined
        ? send(response, 404, { detail: 'no such model' })
        : send(response, 200, { request_id: id, ...more });
    switch (path) {
      case 'healthz':
        return send(response, 200, { status: 'ok' });
      case 'get_server_capabilities':
        return send(response, 200, {
          supported_models: [{ model_name: MODEL, max_context_length: CONTEXT, trainable: true, sampleable: true }],
          ...(extended ? { sift: extension } : {}),
        });
      case 'client/dynamic_config':
        return send(response, 200, { sample_cancel_enabled: true });
      case 'create_session': {
        const id = randomUUID();
        sessions.set(id, { beats: 0, metadata: body.user_metadata });
        return send(response, 200, { session_id: id });
      }
      case 'session_heartbeat': {
        const session = sessions.get(body.session_id);
        if (session === undefined) return send(response, 410, { error: 'the session has ended' });
        session.beats += 1;
        return send(response, 200, { type: 'session_heartbeat' });
      }
      case 'create_model': {
        if (!sessions.has(body.session_id)) return send(response, 410, { error: 'the session has ended' });
        if (models.size + samplers.size >= slots) {
          return send(response, 429, { error: 'no slot is free' }, { 'retry-after': '7' });
        }
        const id = `${body.session_id}:train:${body.model_seq_id}`;
        const empty = { next: 1, waiting: new Map(), seen: new Map(), running: false };
        const future = promise(body.session_id);
        const adapter = body.sift?.adapter;
        const begun = adapter === undefined ? tinyModel() : kept.get(adapter)?.copy();
        if (begun === undefined) {
          future.finish({ json: { error: 'adapter_gone', category: 'user' }, status: 410 });
          return promised(future.id, { model_id: id });
        }
        if (!models.has(id)) models.set(id, { id, session: body.session_id, model: begun, ...empty });
        future.finish({ json: { type: 'create_model', model_id: id } });
        return promised(future.id, { model_id: id });
      }
      case 'forward_backward':
      case 'forward': {
        if (encoding === 'protobuf') {
          if (!type.includes('protobuf')) return send(response, 415, { error: 'protobuf only' });
          return promised(loss(readLossCall(bytes)));
        }
        const { data, loss_fn: lossFn } = body.forward_input ?? body.forward_backward_input;
        const [{ model_input, loss_fn_inputs }] = data;
        return promised(
          loss({
            modelId: body.model_id,
            seqId: body.seq_id,
            forwardOnly: path === 'forward',
            inputs: model_input.chunks[0].tokens,
            targets: loss_fn_inputs.target_tokens.data,
            weights: loss_fn_inputs.weights.data,
            lossFn,
          }),
        );
      }
      case 'optim_step':
        return promised(
          enqueue(body.model_id, body.seq_id, ({ model }, future) => {
            model.step(body.adam_params as AdamParams);
            steps += 1;
            future.finish({ json: { metrics: {} } });
          }),
        );
      case 'save_weights_for_sampler':
        return promised(
          enqueue(body.model_id, body.seq_id, ({ model, session }, future) => {
            const id = `${session}:sample:${body.sampling_session_seq_id}:${randomUUID()}`;
            samplers.set(id, { session, model: model.copy() });
            future.finish({ json: { sampling_session_id: id, path: null } });
          }),
        );
      case 'asample': {
        const sampler = samplers.get(body.sampling_session_id);
        if (sampler === undefined) return send(response, 404, { detail: 'no such sampler' });
        const future = promise(sampler.session);
        void generate(sampler.model, future, body.prompt.chunks[0].tokens, body.sampling_params);
        return promised(future.id, { sample_sequence_ids: [randomUUID()] });
      }
      case 'retrieve_future':
        return retrieve(body.request_id, response);
      case 'cancel_future': {
        const future = futures.get(body.request_id);
        if (future !== undefined) future.cancelled = true;
        futures.delete(body.request_id);
        return send(response, 200, {});
      }
      case 'sift/keep':
        return promised(
          enqueue(body.model_id, body.seq_id, ({ model }, future) => {
            if (options.keeps === false) return future.finish(failed('the adapter has 9 bytes; 8 are kept at most'));
            kept.set(body.id, model.copy());
            future.finish({ json: { adapter: body.id, bytes: 9 } });
          }),
        );
      case 'sift/forget':
        for (const id of body.ids) kept.delete(id);
        return send(response, 200, { forgotten: body.ids.length });
      case 'unload_model':
        unload(body.model_id);
        return send(response, 200, { request_id: 'unloaded' });
    }
    const finished = /^sessions\/([^/]+)\/finish$/.exec(path)?.[1];
    if (finished !== undefined) {
      for (const { id, session } of models.values()) if (session === finished) unload(id);
      for (const [id, { session }] of samplers) if (session === finished) samplers.delete(id);
      for (const [id, future] of futures) {
        if (future.owner !== finished) continue;
        future.cancelled = true;
        futures.delete(id);
      }
      sessions.delete(finished);
      return send(response, 200, {});
    }
    const streamed = /^sift\/stream\/(.+)$/.exec(path)?.[1];
    if (extended && streamed !== undefined) return stream(streamed, response);
    const file = /^sift\/models\/([^/]+)\/files\/([\w.]+)$/.exec(path);
    if (extended && file !== null && decodeURIComponent(file[1] ?? '') === MODEL) {
      const content = files[file[2] ?? ''];
      if (content !== undefined) return void response.writeHead(200).end(content);
    }
    send(response, 404, { detail: 'Not Found' });
  };
  const extension = {
    version: 1,
    models: {
      [MODEL]: {
        parameters: 66_049,
        context_tokens: CONTEXT,
        max_train_tokens: options.trainTokens ?? CONTEXT,
        methods: options.methods ?? ['lora', 'full'],
        max_rank: 256,
        layers: 1,
        revision: options.revision ?? 'abc',
      },
    },
    stream: true,
    tokenizer: true,
    adapters: true,
    slots,
  };

  const server = createServer(async (request, response) => {
    response.on('error', () => {});
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const bytes = Buffer.concat(chunks);
    const path = (request.url ?? '').replace(/^\/api\/v1\//, '');
    const times = (counts.get(path) ?? 0) + 1;
    counts.set(path, times);
    const type = request.headers['content-type'] ?? '';
    const body = type.includes('json') && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined;
    log.push({ path, body: body ?? (path === 'forward_backward' ? readLossCall(bytes) : undefined) });
    const took = await options.misbehave?.({ path, times, headers: request.headers }, response);
    if (took === true) return;
    if (took === 'lost') response.end = () => response.destroy();
    if (options.key !== undefined && request.headers['x-api-key'] !== options.key) {
      return send(response, 401, { error: 'bad key' });
    }
    await handle(path, body, bytes, type, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    log,
    sessions,
    /** Adapters by their id. */
    kept,
    /** Adam's steps so far. */
    steps: () => steps,
    /** What is held now: all zero whenever nobody works. Promises that were never asked for count. */
    held: () => ({
      sessions: sessions.size,
      models: models.size,
      samplers: samplers.size,
      futures: futures.size,
      streams,
    }),
    requests: (path: string) => counts.get(path) ?? 0,
    /** Ends at once, with every connection. */
    async kill(): Promise<void> {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
    /** Forgets the sessions, as one that was started anew. */
    forget(): void {
      sessions.clear();
      models.clear();
      samplers.clear();
      futures.clear();
      kept.clear();
    },
  };
};

export type TinkerServer = Awaited<ReturnType<typeof startTinkerServer>>;

export const NOTHING = { sessions: 0, models: 0, samplers: 0, futures: 0, streams: 0 };
