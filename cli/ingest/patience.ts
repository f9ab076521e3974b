// An edge that is busy, away, or fails on its own side is waited for, with growing pauses, as long as something gets on within
// `patienceMs`. One of these is shared by everything that an ingest asks, so that several uploads are one wait.
import { SiftError } from '../../client/error.ts';
import type { SiftClient } from '../../client/index.ts';
import { INGEST_RETRY_MAX_MS, INGEST_RETRY_MIN_MS } from '../../wire/limits.ts';

export interface Clock {
  now(): number;
  /** Rejects when the signal ends. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** An edge that stayed busy: what is left may go up later. */
export class PatienceError extends Error {
  constructor(patienceMs: number, cause: SiftError) {
    super(`the edge took nothing for ${Math.round(patienceMs / 1000)} s: ${cause.message}`, { cause });
    this.name = 'PatienceError';
  }
}

const PASSING: readonly (number | undefined)[] = [undefined, 408, 429, 500, 502, 503, 504];
export const mayPass = (error: unknown): error is SiftError =>
  error instanceof SiftError && PASSING.includes(error.status);

export interface PatienceOptions {
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly onWait: (why: SiftError, ms: number) => void;
}

export interface Patience {
  /** Something got on. */
  progress(): void;
  /** Waits before try number `tried + 1`; throws a PatienceError where that would be too long. */
  wait(why: SiftError, tried: number, signal: AbortSignal): Promise<void>;
  /** A request that may be repeated, until it is answered. */
  ask<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export const patience = ({ patienceMs, clock, onWait }: PatienceOptions): Patience => {
  let lastProgress = clock.now();
  const one: Patience = {
    progress() {
      lastProgress = Math.max(lastProgress, clock.now());
    },
    async wait(why, tried, signal) {
      const backoff = Math.min(INGEST_RETRY_MAX_MS, INGEST_RETRY_MIN_MS * 2 ** Math.min(tried, 10));
      const ms = Math.max((why.retryAfterS ?? 0) * 1000, backoff * (0.5 + Math.random() / 2));
      if (clock.now() + ms - lastProgress > patienceMs) throw new PatienceError(patienceMs, why);
      onWait(why, ms);
      await clock.sleep(ms, signal);
    },
    async ask(request, signal) {
      for (let tried = 0; ; tried++) {
        try {
          const answer = await request();
          one.progress();
          return answer;
        } catch (error) {
          if (signal.aborted || !mayPass(error)) throw error;
          await one.wait(error, tried, signal);
        }
      }
    },
  };
  return one;
};

export type Asked = Pick<SiftClient, 'corpus' | 'createCorpus' | 'examples' | 'example' | 'deleteExample'>;

/** The requests of an ingest beside its uploads, each asked with patience. */
export const patientClient = (client: Asked, patient: Patience, signal: AbortSignal): Asked => ({
  corpus: (...args) => patient.ask(() => client.corpus(...args), signal),
  createCorpus: (...args) => patient.ask(() => client.createCorpus(...args), signal),
  example: (...args) => patient.ask(() => client.example(...args), signal),
  deleteExample: (...args) => patient.ask(() => client.deleteExample(...args), signal),
  /** A listing that broke off begins again, behind what it had given. */
  async *examples(...args) {
    let given = 0;
    for (let tried = 0; ; tried++) {
      let passed = 0;
      try {
        for await (const entry of client.examples(...args)) {
          passed += 1;
          if (passed <= given) continue;
          given = passed;
          tried = 0;
          patient.progress();
          yield entry;
        }
        return;
      } catch (error) {
        if (signal.aborted || !mayPass(error)) throw error;
        await patient.wait(error, tried, signal);
      }
    }
  },
});
