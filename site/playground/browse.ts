// A corpus' examples with their texts, as the edge exports them: line by line, a part at a time, so that a search ends once
// it has found enough.
import { jsonLines } from '../../client/lines.ts';
import { type Send, sender } from '../../client/send.ts';
import { LISTED_EXAMPLES, MAX_PAGE } from '../../wire/limits.ts';

export interface Listed {
  readonly id: string;
  readonly text: string | null;
  readonly source: string | null;
}

export interface Found {
  readonly examples: readonly Listed[];
  /** Where a further search goes on; undefined at the end. */
  readonly after: string | undefined;
  readonly looked: number;
}

export const senderFor = (key: string): Send => sender({ baseURL: location.origin, key, retries: 1 });

const holds = ({ id, text, source }: Listed, words: string): boolean =>
  words === '' || [id, text, source].some((part) => part?.toLowerCase().includes(words) === true);

/** Examples that hold these words, whatever their case. */
export const find = async (
  send: Send,
  corpus: string,
  {
    words,
    after,
    signal,
    onLooked,
  }: { words: string; after?: string | undefined; signal: AbortSignal; onLooked: (n: number) => void },
): Promise<Found> => {
  const wanted = words.trim().toLowerCase();
  const examples: Listed[] = [];
  let last = after;
  let looked = 0;
  for (;;) {
    const size = wanted === '' ? LISTED_EXAMPLES : MAX_PAGE;
    const query = new URLSearchParams({
      text: '1',
      limit: String(size),
      ...(last === undefined ? {} : { cursor: last }),
    });
    const path = `/v1/corpora/${encodeURIComponent(corpus)}/examples?${query}`;
    let lines = 0;
    for await (const line of jsonLines(
      await send('GET', path, { signal, headers: { accept: 'application/x-ndjson' } }),
    )) {
      const { id, text = null, source = null } = line as Partial<Listed> & { id: string };
      lines += 1;
      looked += 1;
      last = id;
      if (holds({ id, text, source }, wanted)) examples.push({ id, text, source });
      if (examples.length >= LISTED_EXAMPLES) return { examples, after: last, looked };
    }
    onLooked(looked);
    if (lines < size) return { examples, after: undefined, looked };
  }
};
