// GET /v1/corpora/NAME/examples with Accept: application/x-ndjson: the corpus as lines that can be uploaded again as they
// are, in the order of their ids, a hundred at a time and only as fast as they are read. An export is whole or breaks off:
// examples that the index does not show yet are asked for again, for a minute, and then the connection is broken rather than
// ended. What is written while it runs may be in it or not; what is deleted is left out.
import { EXPORT_LOOK_MS, EXPORT_LOOKS, WALK_ENTRIES } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import { toBase64 } from '../vectors/base64.ts';
import type { CorpusInfo, Entry } from './contract.ts';
import { catalogueOfReached } from './store.ts';
import { type Stored, storedOf, textsOf } from './walk.ts';

export interface ExportOptions {
  /** The id after which it begins. */
  readonly after: string;
  /** Lines at most. */
  readonly limit: number;
  readonly vectors: boolean;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const missing = (what: string): never => {
  throw new Error(`the export breaks off: ${what}`);
};

const lineOf = ({ entry, record, vector }: Stored, text: string | undefined, vectors: boolean): string => {
  if (text === undefined) return missing(`the text of example '${entry.id}' is missing`);
  // an example that was uploaded as a bare vector is nothing without it
  const bare = text === '';
  const line = {
    id: entry.id,
    ...(bare ? {} : { text }),
    ...(vectors || bare ? { vector: toBase64(new Uint8Array(vector.buffer)) } : {}),
    ...(record.source === undefined ? {} : { source: record.source }),
    ...(record.meta === undefined ? {} : { metadata: record.meta }),
  };
  return `${JSON.stringify(line)}\n`;
};

/** All of these that still exist, as the index shows them in the end. */
const settled = async (env: Env, info: CorpusInfo, entries: readonly Entry[]): Promise<Stored[]> => {
  const found = new Map<string, Stored>();
  let late = entries;
  for (let look = 0; late.length > 0; look++) {
    if (look >= EXPORT_LOOKS) return missing(`the index does not show ${late.length} examples`);
    if (look > 0) {
      await sleep(EXPORT_LOOK_MS);
      const catalogue = catalogueOfReached(env, info);
      const now = await Promise.all(late.map(({ id }) => catalogue.find(id)));
      late = now.flatMap((one) => (one?.info.space === info.space && one.entry !== null ? [one.entry] : []));
    }
    for (const one of await storedOf(env, late)) if (one !== undefined) found.set(one.entry.id, one);
    late = late.filter(({ id }) => !found.has(id));
  }
  return entries.flatMap(({ id }) => found.get(id) ?? []);
};

async function* pieces(
  env: Env,
  info: CorpusInfo,
  { after, limit, vectors }: ExportOptions,
): AsyncGenerator<string, void, void> {
  let cursor: string | undefined = after;
  for (let left = limit; cursor !== undefined && left > 0; ) {
    const most = Math.min(left, WALK_ENTRIES);
    const page: Entry[] | null = await catalogueOfReached(env, info).page(cursor, most);
    if (page === null) return missing('the corpus was deleted');
    const stored = await settled(env, info, page);
    const texts = await textsOf(env, info, stored);
    yield stored.map((one, i) => lineOf(one, texts[i], vectors)).join('');
    left -= page.length;
    cursor = page.length < most ? undefined : page.at(-1)?.id;
  }
}

export const exported = (env: Env, info: CorpusInfo, options: ExportOptions): ReadableStream<Uint8Array> => {
  const utf8 = new TextEncoder();
  const source = pieces(env, info, options);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const next = await source.next();
        if (next.done) return controller.close();
        if (next.value === '') continue;
        controller.enqueue(utf8.encode(next.value));
        return;
      }
    },
    async cancel() {
      await source.return();
    },
  });
};
