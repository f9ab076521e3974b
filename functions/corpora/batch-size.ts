// How many lines the next batch of an upload has: large batches are few updates of the index, but results come only after
// a batch, and an embedder of 100 MB takes a second a text on one core. So the first is small, and the time it took decides.
import { INGEST_BATCH_LINES, INGEST_BATCH_MS } from '../../wire/limits.ts';

/** `most`: what the last batch could have held; it held `lines` and took `ms`. Grows to twice as many at once at most. */
export const nextBatchLines = (most: number, lines: number, ms: number): number => {
  const fitting = ms <= 0 ? INGEST_BATCH_LINES : Math.floor((lines * INGEST_BATCH_MS) / ms);
  // a batch that its bytes closed, or the upload's end, does not say that more lines would have been too slow
  const wanted = lines < most && ms <= INGEST_BATCH_MS ? most : Math.min(2 * most, fitting);
  return Math.max(1, Math.min(INGEST_BATCH_LINES, wanted));
};
