// How a serving process ends: on SIGINT, SIGTERM or SIGHUP, and when whoever reads its output goes away (`| head -1`).
// The first time it closes what it opened; a second signal, or one before anything is open, ends it at once. Its children
// end with it either way: workers when their channel closes, workerd by local/watch.ts.

import { constants } from 'node:os';
import { messageOf } from '../wire/message.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Milliseconds of closing after which it is said what is being waited for. */
const PATIENCE_MS = 500;

export interface Lifetime {
  /** What is to be closed when the process is asked to end. */
  onEnd(close: () => Promise<void>): void;
  /** Aborted as soon as it is asked to: work that nobody waits for any more should stop, and its failing says nothing. */
  readonly ending: AbortSignal;
}

export const watchLifetime = (graceMs: number): Lifetime => {
  let close: (() => Promise<void>) | undefined;
  let ending = false;
  const asked = new AbortController();
  const end = (code: number): void => {
    if (ending || close === undefined) process.exit(code);
    ending = true;
    asked.abort();
    const told = setTimeout(() => {
      process.stderr.write(`waiting up to ${graceMs / 1000} s for requests in flight; Ctrl-C again ends at once\n`);
    }, PATIENCE_MS);
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`sift-edge: ${messageOf(error)}\n`);
        process.exit(1);
      },
    );
    told.unref();
  };
  for (const signal of SIGNALS) process.on(signal, () => end(128 + constants.signals[signal]));
  const onBroken = (error: NodeJS.ErrnoException): void => {
    // nobody reads any more: there is no one to tell, and nothing to go on for
    if (error.code !== 'EPIPE') throw error;
    if (!ending) end(0);
  };
  process.stdout.on('error', onBroken);
  process.stderr.on('error', onBroken);
  return {
    ending: asked.signal,
    onEnd(work) {
      close = work;
    },
  };
};
