// One batch of an upload, in which an id may stand twice: later lines of an id are written after earlier ones, so that the
// last one stands. A line whose text is cut is several examples and one result. Answers one result per line, in order.
import type { ResultLine } from '../../wire/api/corpora.ts';
import { asFault } from '../../wire/faults.ts';
import { INGEST_BATCH_LINES } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { giveWay } from '../pause.ts';
import { claimPieces, removeLeftOver } from './left-over.ts';
import type { Accepted, Refused } from './line.ts';
import { errorResult, type Upload, writeBatch } from './write.ts';

interface Waiting {
  readonly item: Accepted;
  readonly place: number;
}

/** What the results of its parts, and what was left over of an earlier version, make of a line. */
const together = ({ line, id, chunked }: Accepted, parts: readonly ResultLine[], removed: number): ResultLine => {
  if (!chunked && removed === 0) return at(parts, 0);
  const failed = parts.find(({ status }) => status === 'error');
  if (failed !== undefined) return { ...failed, line, id };
  const all = (status: ResultLine['status']): boolean => removed === 0 && parts.every((one) => one.status === status);
  const cut = parts.find(({ truncated }) => truncated);
  return {
    line,
    id,
    status: all('unchanged') ? 'unchanged' : all('created') ? 'created' : 'updated',
    ...(chunked ? { chunks: parts.length } : {}),
    ...(cut?.truncated ? { truncated: true, ...(cut.read_tokens ? { read_tokens: cut.read_tokens } : {}) } : {}),
  };
};

/** Lines with different ids: their parts written some at a time, then what is left over of earlier versions removed. */
const writeLines = async (upload: Upload, lines: readonly Accepted[]): Promise<ResultLine[]> => {
  const failed = (error: unknown) => lines.map(({ line, id }) => errorResult(line, id, asFault(error)));
  try {
    await claimPieces(upload, lines);
  } catch (error) {
    return failed(error);
  }
  const parts = lines.flatMap((one) => one.parts);
  const written: ResultLine[] = [];
  for (let from = 0; from < parts.length; from += INGEST_BATCH_LINES) {
    if (from > 0) await giveWay();
    written.push(...(await writeBatch(upload, parts.slice(from, from + INGEST_BATCH_LINES))));
  }
  let next = 0;
  const results = lines.map((one) => {
    next += one.parts.length;
    return written.slice(next - one.parts.length, next);
  });
  const whole = lines.filter((_, i) => at(results, i).every(({ status }) => status !== 'error'));
  try {
    const removed = await removeLeftOver(upload, whole);
    return lines.map((one, i) => together(one, at(results, i), removed.get(one.id) ?? 0));
  } catch (error) {
    return failed(error);
  }
};

export const processBatch = async (upload: Upload, batch: readonly (Accepted | Refused)[]): Promise<ResultLine[]> => {
  const results = new Array<ResultLine>(batch.length);
  let waiting: Waiting[] = [];
  for (const [place, item] of batch.entries()) {
    if ('fault' in item) results[place] = errorResult(item.line, item.id, item.fault);
    else waiting.push({ item, place });
  }
  while (waiting.length > 0) {
    const ids = new Set<string>();
    const now: Waiting[] = [];
    const later: Waiting[] = [];
    for (const one of waiting) {
      const own = [one.item.id, ...one.item.parts.map(({ example }) => example.id)];
      if (own.some((id) => ids.has(id))) later.push(one);
      else now.push(one);
      for (const id of own) ids.add(id);
    }
    const written = await writeLines(
      upload,
      now.map(({ item }) => item),
    );
    for (const [i, { place }] of now.entries()) results[place] = at(written, i);
    waiting = later;
  }
  return results;
};
