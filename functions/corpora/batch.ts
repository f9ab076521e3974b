// One batch of an upload, in which an id may stand twice: later lines of an id are written after earlier ones, so that the
// last one stands. Answers one result per line, in order.
import type { ResultLine } from '../../wire/api/corpora.ts';
import { at } from '../../wire/list.ts';
import type { Prepared, Refused } from './line.ts';
import { errorResult, type Upload, writeBatch } from './write.ts';

interface Waiting {
  readonly item: Prepared;
  readonly place: number;
}

export const processBatch = async (upload: Upload, batch: readonly (Prepared | Refused)[]): Promise<ResultLine[]> => {
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
      const { id } = one.item.example;
      if (ids.has(id)) later.push(one);
      else now.push(one);
      ids.add(id);
    }
    const written = await writeBatch(
      upload,
      now.map(({ item }) => item),
    );
    for (const [i, { place }] of now.entries()) results[place] = at(written, i);
    waiting = later;
  }
  return results;
};
