// What every working route needs: its turn in the queue, and one signal that ends the work when the caller leaves,
// the deadline passes or the server shuts down; with the reason told apart, so that each gets its own message.
import { asFault, type Fault, FaultError, type Result } from '../../wire/faults.ts';
import type { Backend } from '../backends/contract.ts';
import type { Metrics } from '../metrics.ts';
import type { Queue, Ticket } from '../queue.ts';
import type { Clock } from '../tune.ts';

export interface Work {
  readonly backend: Backend;
  readonly queue: Queue;
  readonly metrics: Metrics;
  readonly deadlineMs: number;
  /** Milliseconds between heartbeats of a stream. */
  readonly heartbeatMs: number;
  /** Milliseconds one event may wait for a reader that has stopped reading. */
  readonly stallMs: number;
  readonly shutdown: AbortSignal;
  readonly now: Clock;
}

export interface Turn {
  readonly ticket: Ticket;
  readonly signal: AbortSignal;
  /** The fault behind an error thrown during the work: an abort is named after what caused it. */
  faultOf(error: unknown): Fault;
  /** The caller went away (for streams, whose request signal alone does not tell). */
  abandon(): void;
  /** Leaves the queue and clears the deadline's timer. */
  end(): void;
}

/** Takes a place in the queue for a request, or says why there is none. */
export const takeTurn = (work: Work, request: Request): Result<Turn> => {
  const caller = new AbortController();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), work.deadlineMs);
  const signal = AbortSignal.any([request.signal, caller.signal, deadline.signal, work.shutdown]);
  const entered = work.queue.enter(signal);
  if (!entered.ok) {
    clearTimeout(timer);
    return entered;
  }
  const ticket = entered.value;
  const faultOf = (error: unknown): Fault => {
    if (!signal.aborted) return asFault(error);
    const stage = ticket.position > 0 ? 'queue' : 'work';
    if (deadline.signal.aborted) return { kind: 'deadline', afterMs: work.deadlineMs, stage };
    if (work.shutdown.aborted) return { kind: 'shutting_down', retryAfterS: 5 };
    return { kind: 'cancelled', stage };
  };
  const end = (): void => {
    clearTimeout(timer);
    ticket.leave();
  };
  return { ok: true, value: { ticket, signal, faultOf, abandon: () => caller.abort(), end } };
};

/** Runs the work of a turn; whatever it throws comes out as a FaultError, and the turn is always given back. */
export const inTurn = async <T>(turn: Turn, run: () => Promise<T>): Promise<T> => {
  try {
    await turn.ticket.turn;
    return await run();
  } catch (error) {
    throw new FaultError(turn.faultOf(error), error);
  } finally {
    turn.end();
  }
};
