// What every working route needs: the backend of its model, a turn in that backend's queue, and one signal that ends the
// work when the caller leaves, a deadline passes or the server shuts down; with the cause kept, so that each gets its own
// message. There are two deadlines: one over all, from the moment of the request, and one over the work once its turn has
// come, which follows from what the model takes for such work (pace.ts). Waiting does not count against the second.
import { asFault, type Fault, FaultError, fail, ok, type Result } from '../../wire/faults.ts';
import { SHUTDOWN_RETRY_S } from '../../wire/limits.ts';
import type { ScoreRequest, TuneRequest } from '../../wire/tune/requests.ts';
import { type Shelf, shelfOf } from '../adapters/learn.ts';
import type { AdapterStore } from '../adapters/store.ts';
import type { Backend, Model } from '../backends/contract.ts';
import { beyondModel, type Registry } from '../backends/registry.ts';
import type { Waiting } from '../fair-order.ts';
import type { Metrics } from '../metrics.ts';
import type { Outline, Pace } from '../pace.ts';
import type { Queue, Ticket } from '../queue.ts';
import { timedBackend } from '../timed.ts';
import type { Clock } from '../tune.ts';
import { type ResolvedTuning, resolveTuning } from '../tuning.ts';
import { type Settled, settleUse } from '../use.ts';

export interface Work {
  readonly registry: Registry;
  /** One for each backend, by its name. */
  readonly queues: ReadonlyMap<string, Queue>;
  /** How fast each model works, by its name. */
  readonly paces: ReadonlyMap<string, Pace>;
  /** What earlier requests have learnt. */
  readonly adapters: AdapterStore;
  readonly metrics: Metrics;
  readonly deadlineMs: number;
  readonly heartbeatMs: number;
  /** Milliseconds one event may wait for a reader that has stopped reading. */
  readonly stallMs: number;
  readonly shutdown: AbortSignal;
  readonly now: Clock;
}

/** Who serves a request, behind which queue. */
export interface Place<Request extends TuneRequest | ScoreRequest = TuneRequest | ScoreRequest> {
  /** With what it left to the server settled. */
  readonly request: Settled<Request>;
  /** The backend's name. */
  readonly name: string;
  /** Its work is timed. */
  readonly backend: Backend;
  readonly model: Model;
  readonly queue: Queue;
  /** Milliseconds that this request's work may take once it has begun. */
  readonly limitMs: number;
  /** Where its adapter is looked for and put. */
  readonly shelf: Shelf | undefined;
  /** An adapter was there when it was asked: no step will be made. */
  readonly learnt: boolean;
}

/** Where a request belongs, or why it cannot be served: told before a place in the queue is taken. */
export const placeOf = <Request extends TuneRequest | ScoreRequest>(
  work: Work,
  asked: Request,
  outlineOf: (request: Settled<Request>, tuning: ResolvedTuning, contextTokens: number) => Outline,
): Result<Place<Request>> => {
  const found = work.registry.find(asked.model);
  if (!found.ok) return found;
  const { name, backend, model } = found.value;
  const request = settleUse(model, asked);
  const fault = beyondModel(model, asked);
  if (fault !== undefined) return fail(fault);
  const [queue, pace] = [work.queues.get(name), work.paces.get(model.id)];
  if (queue === undefined) throw new Error(`backend '${name}' has no queue`);
  if (pace === undefined) throw new Error(`model '${model.id}' has no pace`);
  const tuning = resolveTuning(model, request);
  const outline = outlineOf(request, tuning, model.contextTokens);
  const shelf = shelfOf(work.adapters, model, request, tuning);
  const learnt = shelf !== undefined && work.adapters.find(shelf.key) !== undefined;
  const late = pace.beyond(learnt ? { ...outline, steps: [], reused: 0 } : outline, work.deadlineMs);
  if (late !== undefined) return fail(late);
  // the adapter may be gone when the turn comes: the steps then still have their time
  const limitMs = pace.limitMs(outline, work.deadlineMs);
  const timed = timedBackend(backend, model, pace, work.now);
  return ok({ request, name, backend: timed, model, queue, limitMs, shelf, learnt });
};

/** When work that begins now must be over, by the clock of `now`: the earlier of the two deadlines. */
export const workUntil = ({ now, deadlineMs }: Work, { limitMs }: Place, entered: number): number =>
  Math.min(entered + deadlineMs, now() + limitMs);

export interface Turn {
  readonly ticket: Ticket;
  readonly signal: AbortSignal;
  /** Its turn has come: from now on the work's own deadline counts. */
  begin(): void;
  /** The fault behind an error thrown during the work: an abort is named after what caused it. */
  faultOf(error: unknown): Fault;
  /** The caller went away (for streams, whose request signal alone does not tell). */
  abandon(): void;
  /** Leaves the queue and clears the deadlines' timers. */
  end(): void;
}

/** Takes a place in the queue for a tenant's request, or says why there is none. */
export const takeTurn = (work: Work, { queue, limitMs }: Place, request: Request, asked: Waiting): Result<Turn> => {
  const caller = new AbortController();
  const deadline = new AbortController();
  let afterMs = work.deadlineMs;
  const timer = setTimeout(() => deadline.abort(), work.deadlineMs);
  let workTimer: ReturnType<typeof setTimeout> | undefined;
  const signal = AbortSignal.any([request.signal, caller.signal, deadline.signal, work.shutdown]);
  const entered = queue.enter(asked, signal);
  if (!entered.ok) {
    clearTimeout(timer);
    return entered;
  }
  const ticket = entered.value;
  const faultOf = (error: unknown): Fault => {
    if (!signal.aborted) return asFault(error);
    const stage = ticket.position > 0 ? 'queue' : 'work';
    if (deadline.signal.aborted) return { kind: 'deadline', afterMs, stage };
    if (work.shutdown.aborted) {
      return { kind: stage === 'queue' ? 'shutting_down' : 'stopped', retryAfterS: SHUTDOWN_RETRY_S };
    }
    return { kind: 'cancelled', stage };
  };
  const begin = (): void => {
    if (limitMs >= work.deadlineMs) return;
    workTimer = setTimeout(() => {
      if (!deadline.signal.aborted) afterMs = Math.round(limitMs);
      deadline.abort();
    }, limitMs);
  };
  const end = (): void => {
    clearTimeout(timer);
    clearTimeout(workTimer);
    ticket.leave();
  };
  return ok({ ticket, signal, begin, faultOf, abandon: () => caller.abort(), end });
};

/** Runs the work of a turn; whatever it throws comes out as a FaultError, and the turn is always given back. */
export const inTurn = async <T>(turn: Turn, run: () => Promise<T>): Promise<T> => {
  try {
    await turn.ticket.turn;
    turn.begin();
    return await run();
  } catch (error) {
    throw new FaultError(turn.faultOf(error), error);
  } finally {
    turn.end();
  }
};
