// What a request learns from its picks: the adapter that an earlier request with the same selection made, or steps, and then
// an adapter for the next. Whatever goes wrong with an adapter costs the steps it would have saved, never the request.
import { KEEP_ADAPTER_MS, SWEEP_ADAPTERS_MS } from '../../wire/limits.ts';
import { tunedOn } from '../../wire/tune/requests.ts';
import type { TuneEvent } from '../../wire/tune/responses.ts';
import type { AdapterReport } from '../../wire/tune/steps.ts';
import type { Backend, Model, Session } from '../backends/contract.ts';
import { logError } from '../log.ts';
import type { Made, StepEvent } from '../steps.ts';
import type { ResolvedTuning } from '../tuning.ts';
import type { SettledScore, SettledTune } from '../use.ts';
import { adapterKey } from './key.ts';
import { type Adapter, AdapterStore, type StoreOptions } from './store.ts';

type Request = Pick<SettledTune | SettledScore, 'tenant' | 'origin' | 'picks' | 'use' | 'tuning'>;

/** Where a request's adapter is looked for, and put. */
export interface Shelf {
  readonly store: AdapterStore;
  readonly key: string;
}

export type AdapterEvent = Extract<TuneEvent, { event: 'adapter' }>;

export interface Learnt extends Made {
  /** Null where none was found or kept. */
  readonly adapter: AdapterReport | null;
}

/** A store that drops what is too old though nobody asks for it any more; `end` frees everything. */
export const createStore = (options: StoreOptions): { store: AdapterStore; end: () => void } => {
  const store = new AdapterStore(options);
  const sweeping = setInterval(() => store.sweep(), SWEEP_ADAPTERS_MS);
  sweeping.unref();
  const end = (): void => {
    clearInterval(sweeping);
    store.clear();
  };
  return { store, end };
};

/** Undefined where there is nothing to find or keep: no steps are asked for, or the request does not want it. */
export const shelfOf = (
  store: AdapterStore,
  model: Model,
  request: Request,
  tuning: ResolvedTuning,
): Shelf | undefined =>
  request.tuning.reuse_adapter && tunedOn(request).length > 0 && store.maxBytes > 0
    ? { store, key: adapterKey(request.tenant, model, request, tuning) }
    : undefined;

/** The adapter that the session now has, if there is one. */
const resumed = async (
  session: Session,
  { store, key }: Shelf,
  learningRate: number,
  signal: AbortSignal,
): Promise<Adapter | undefined> => {
  const found = store.find(key);
  if (found === undefined || found.weights === undefined) return found;
  try {
    if ((await session.keeping?.resume(found.weights, signal)) === true) return found;
  } catch (error) {
    signal.throwIfAborted();
    logError('resuming an adapter', error);
    // it may have come half the way
    await session.restart(learningRate, signal);
  }
  store.drop(key);
  return undefined;
};

/** The adapter, or else the steps. */
export async function* learn(
  session: Session,
  shelf: Shelf | undefined,
  { learningRate }: ResolvedTuning,
  steps: () => AsyncGenerator<StepEvent, Made, void>,
  signal: AbortSignal,
): AsyncGenerator<StepEvent | AdapterEvent, Learnt, void> {
  const found = shelf === undefined ? undefined : await resumed(session, shelf, learningRate, signal);
  if (shelf === undefined || found === undefined) return { ...(yield* steps()), adapter: null };
  const adapter = { id: shelf.key, reused: true };
  yield { event: 'adapter', adapter: { ...adapter, steps: [...found.steps] } };
  return { kept: found.steps, steps: 0, tokens: 0, guard: found.guard, adapter };
}

/**
 * Puts what was learnt on the shelf for the next request, unless it came from there; says what became of it. The answer is
 * finished by then, so that this never fails it, nor holds it for long: `leftMs` is the time the request still has.
 */
export const shelve = async (
  session: Session,
  shelf: Shelf | undefined,
  request: Request,
  backend: Backend,
  { adapter, kept, guard }: Learnt,
  leftMs: number,
  signal: AbortSignal,
): Promise<AdapterReport | null> => {
  if (shelf === undefined || adapter !== null) return adapter;
  const { store, key } = shelf;
  if (session.keeping === undefined) return null;
  const enough = AbortSignal.timeout(Math.round(Math.max(0, Math.min(KEEP_ADAPTER_MS, leftMs / 2))));
  try {
    const within = AbortSignal.any([signal, enough]);
    const weights = kept.length === 0 ? undefined : await session.keeping.keep(store.maxBytes, within);
    if (kept.length > 0 && weights === undefined) return null;
    const added = store.add(key, {
      tenant: request.tenant,
      origin: request.origin,
      examples: new Set(tunedOn(request).map(({ id }) => id)),
      weights,
      steps: kept,
      guard,
      release: () => {
        if (weights !== undefined) backend.release?.(weights);
      },
    });
    return added ? { id: key, reused: false } : null;
  } catch (error) {
    if (!signal.aborted) logError('keeping an adapter', error);
    return null;
  }
};
