// A session on a server from its beginning to its end, with the model that is trained in it. Whatever happens, everything is
// freed: promises cancelled, models unloaded, the session finished, each with a clock of its own; and a server that hears
// none of it ends the session itself, for want of heartbeats. What is being made is made to its end, since only its answer
// says what has to be freed; the caller waits no longer than it wants to.
import { z } from 'zod';
import { FaultError } from '../../../wire/faults.ts';
import { BACKEND_FREE_MS, BACKEND_FREE_WAIT_MS, BACKEND_HEARTBEAT_MS } from '../../../wire/limits.ts';
import type { Trail } from '../../../wire/trace.ts';
import type { OpenOptions } from '../contract.ts';
import { orAborted, upTo } from '../pause.ts';
import { awaitFuture, promised } from './future.ts';
import { ServerError } from './problems.ts';
import { type Body, json, SDK_VERSION, type TinkerServer } from './server.ts';

/** What is trained. A restart makes another one. */
export interface Trained {
  readonly id: string;
  /** The number of its last operation; they begin at 1 and must have no gap. */
  seq: number;
  /** Of the weights as they are now, once they were saved. */
  sampler: string | undefined;
  /** One that is being made. */
  saving: Promise<string> | undefined;
  /** Samplers made of it. */
  samplers: number;
  /** Why nothing more can be asked of it. */
  torn: unknown;
}

export interface LifeOptions {
  readonly server: TinkerServer;
  /** What the server calls the model. */
  readonly baseModel: string;
  readonly heartbeatMs?: number;
  readonly pollMs?: number;
  /** Called once, when everything was freed or could not be. */
  readonly freed: () => void;
}

export interface Life {
  readonly server: TinkerServer;
  /** For calls on behalf of this session's request. */
  readonly trail: Trail;
  /** Aborts when the session is closed. */
  readonly ended: AbortSignal;
  /** The model that work goes to, made now if there is none yet; throws where there is none any more. */
  current(): Promise<Trained>;
  /** Sends an operation under the model's next number; resolves with its promise's id. */
  operate(to: Trained, path: string, bodyOf: (seqId: number) => Body, signal: AbortSignal): Promise<string>;
  result(requestId: string, signal: AbortSignal): Promise<Body>;
  jsonResult<Schema extends z.ZodType>(
    requestId: string,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<z.output<Schema>>;
  /** Best effort; never throws. */
  cancel(requestIds: readonly string[]): void;
  /** A model anew, in place of the present one. */
  restart(signal: AbortSignal): Promise<void>;
  /** A model that begins as the kept adapter of this id. False: the server has it no more, and the next model is a new one. */
  resume(adapter: string, signal: AbortSignal): Promise<boolean>;
  /** The server's word that the session is no more, if it has said so. */
  gone(): ServerError | undefined;
  close(): Promise<void>;
}

const created = z.object({ session_id: z.string().min(1) });
const anything = z.looseObject({});
const modelResult = z.object({ model_id: z.string().min(1) });
const never = new AbortController().signal;

export const openLife = async (
  { server, baseModel, heartbeatMs = BACKEND_HEARTBEAT_MS, pollMs, freed }: LifeOptions,
  {
    method,
    rank,
    seed,
    tenant,
    from,
    trail = {},
  }: Pick<OpenOptions, 'method' | 'rank' | 'seed' | 'tenant' | 'from' | 'trail'>,
  opening: AbortSignal,
): Promise<Life> => {
  const ended = new AbortController();
  /** Ids of models that may be there. */
  const loaded = new Set<string>();
  /** Calls that may make something on the server. */
  const making = new Set<Promise<unknown>>();
  let sessionId: string | undefined;
  let models = 0;
  let trained: Trained | undefined;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let gone: ServerError | undefined;
  let closing: Promise<void> | undefined;

  const made = <T>(work: Promise<T>): Promise<T> => {
    making.add(work);
    const over = (): void => void making.delete(work);
    work.then(over, over);
    return work;
  };
  const result = (requestId: string, signal: AbortSignal): Promise<Body> =>
    awaitFuture(server, requestId, { signal, trail }, pollMs);
  const jsonResult = async <Schema extends z.ZodType>(requestId: string, schema: Schema, signal: AbortSignal) => {
    const body = await result(requestId, signal);
    const parsed = body.type === 'json' ? schema.safeParse(body.value) : undefined;
    if (parsed?.success) return parsed.data;
    throw server.error({ kind: 'nonsense', what: 'the result of a promise' });
  };

  /** What frees something: what fails is the server's to clean up. */
  const quietly = (path: string, value: unknown): Promise<unknown> => {
    const signal = AbortSignal.timeout(BACKEND_FREE_MS);
    return server.post(path, json(value), anything, { signal, trail, firstByteMs: BACKEND_FREE_MS }).catch(() => {});
  };
  /** The answer is a promise of when the model's place is free. */
  const unload = (id: string): Promise<unknown> => {
    loaded.delete(id);
    return quietly('unload_model', { model_id: id, type: 'unload_model' });
  };

  const createModel = async (adapter?: string): Promise<Trained> => {
    const session_id = sessionId ?? '';
    const model_seq_id = models++;
    const body = {
      session_id,
      model_seq_id,
      base_model: baseModel,
      lora_config: { rank, seed, train_unembed: false, train_mlp: true, train_attn: true },
      optimizer_config: { type: 'adamw' },
      type: 'create_model',
      ...(method === 'full' ? { sift: { method } } : adapter === undefined ? {} : { sift: { adapter } }),
    };
    // servers name models so, whether they tell it or not
    loaded.add(`${session_id}:train:${model_seq_id}`);
    const lane = method === 'full';
    const { request_id } = await server.post('create_model', json(body), promised, { signal: never, trail, lane });
    const { model_id: id } = await jsonResult(request_id, modelResult, ended.signal);
    loaded.add(id);
    return { id, seq: 0, sampler: undefined, saving: undefined, samplers: 0, torn: undefined };
  };

  const beat = async (session_id: string): Promise<void> => {
    try {
      const value = { session_id, type: 'session_heartbeat' };
      await server.post('session_heartbeat', json(value), anything, { signal: ended.signal, trail, once: true });
    } catch (error) {
      // one that is lost is followed by others
      if (error instanceof ServerError && error.problem.kind === 'gone') gone ??= error;
    }
  };

  const begin = async (): Promise<void> => {
    const user_metadata = tenant === undefined ? {} : { tenant };
    const body = { tags: ['sift-edge'], user_metadata, sdk_version: SDK_VERSION, type: 'create_session' };
    const { session_id } = await server.post('create_session', json(body), created, { signal: never, trail });
    sessionId = session_id;
    ended.signal.throwIfAborted();
    heartbeat = setInterval(() => void beat(session_id), heartbeatMs);
    heartbeat.unref();
    // what is opened to be resumed needs no model of its own first
    if (from === undefined) trained = await createModel();
  };

  const free = async (): Promise<void> => {
    clearInterval(heartbeat);
    ended.abort(new FaultError({ kind: 'cancelled', stage: 'work' }));
    await upTo(BACKEND_FREE_MS, Promise.allSettled(making));
    await Promise.all(Array.from(loaded, unload));
    if (sessionId !== undefined) {
      await quietly(`sessions/${encodeURIComponent(sessionId)}/finish`, { reason: { type: 'success' } });
    }
    freed();
  };

  try {
    await orAborted(made(begin()), opening);
  } catch (error) {
    closing ??= free();
    throw error;
  }

  const open = (): void => {
    if (gone !== undefined) throw gone;
    if (closing !== undefined) throw new FaultError({ kind: 'backend', message: 'the session is closed' });
  };
  /** A model in place of the one there is, if any. */
  const replace = async (adapter?: string): Promise<Trained> => {
    const before = trained;
    trained = undefined;
    // first and to its end, since a full server has no room for another beside it
    if (before !== undefined) {
      const unloading = promised.safeParse(await unload(before.id));
      const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(BACKEND_FREE_MS)]);
      if (unloading.success) await result(unloading.data.request_id, signal).catch(() => {});
    }
    trained = await createModel(adapter);
    return trained;
  };
  return {
    server,
    trail,
    ended: ended.signal,
    async current() {
      open();
      const model = trained ?? (await made(replace()));
      if (model.torn !== undefined) throw model.torn;
      return model;
    },
    async operate(to, path, bodyOf, signal) {
      to.seq += 1;
      return (await server.post(path, bodyOf(to.seq), promised, { signal, trail })).request_id;
    },
    result,
    jsonResult,
    cancel(requestIds) {
      if (!server.cancels) return;
      for (const request_id of requestIds) void quietly('cancel_future', { request_id });
    },
    async restart(signal) {
      signal.throwIfAborted();
      open();
      await orAborted(made(replace()), signal);
    },
    async resume(adapter, signal) {
      signal.throwIfAborted();
      open();
      try {
        await orAborted(made(replace(adapter)), signal);
        return true;
      } catch (error) {
        if (error instanceof ServerError && error.problem.kind === 'gone') return false;
        throw error;
      }
    },
    gone: () => gone,
    close() {
      closing ??= free();
      return upTo(BACKEND_FREE_WAIT_MS, closing);
    },
  };
};
