// How the cores of this machine are shared: sessions at once (each a process that holds the model), and threads of each.
// The bundled model is small, so that several sessions do more than several threads of one; another one may be large, and
// is held once.
import { availableParallelism } from 'node:os';
import { MAX_DEFAULT_THREADS, MAX_DEFAULT_WORKERS } from '../wire/limits.ts';

export interface Share {
  readonly workers: number;
  readonly threads: number;
}

export const shareCores = (
  given: { readonly workers?: number; readonly threads?: number },
  isBundled: boolean,
  cores = availableParallelism(),
): Share => {
  const most = isBundled ? MAX_DEFAULT_WORKERS : 1;
  const workers = given.workers ?? Math.max(1, Math.min(most, Math.floor(cores / (given.threads ?? 1))));
  const threads = given.threads ?? Math.max(1, Math.min(MAX_DEFAULT_THREADS, Math.floor(cores / workers)));
  return { workers, threads };
};
