// What was found becomes examples: documents cut into overlapping chunks as `npm start` cuts them, rows as they are; each with
// an id that is the same in every run, and checked by the edge's own schema, so that a dry run refuses what the edge would.
import { hash } from 'node:crypto';
import type { Example } from '../../client/index.ts';
import { cut } from '../../corpus/chunk.ts';
import { chunkId, documentId } from '../../corpus/chunk-id.ts';
import { exampleLine } from '../../wire/api/corpora.ts';
import { conform } from '../../wire/body.ts';
import { describe } from '../../wire/faults.ts';
import { MAX_SOURCE, MAX_TEXT_BYTES, VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import { digestSet } from './digest-set.ts';
import type { CallerMetadata } from './fields.ts';
import { type Found, type FoundText, type PassedOver, type Place, type Refused, refused } from './found.ts';

/** How texts are cut: here, by the edge, or not at all. */
export type Cutting =
  | { readonly by: 'here'; readonly size: number; readonly overlap: number /** Rows too. */; readonly rows: boolean }
  | { readonly by: 'edge' }
  | { readonly by: 'nobody' };

export interface Ready {
  readonly type: 'example';
  readonly place: Place;
  readonly id: string;
  /** The id is of the caller's own, and says nothing of the source. */
  readonly hasOwnId: boolean;
  readonly example: Example;
  /** Tells this version of this example from all others. */
  readonly digest: Uint8Array;
}

export type Item = Ready | Refused | PassedOver;

const digestOf = (value: unknown): Uint8Array => hash('sha256', JSON.stringify(value), 'buffer').subarray(0, 16);

/** Of a row without an id: by its content, so that it stays the same wherever the row moves. */
const rowMark = ({ text, metadata, vector }: FoundText): string =>
  Buffer.from(digestOf([text, metadata ?? null, vector ?? null]))
    .toString('base64url')
    .slice(0, 16);

const problemOf = (example: Example): string | undefined => {
  const parsed = conform(example, exampleLine);
  if (!parsed.ok) return describe(parsed.fault);
  const { id, text, vector } = parsed.value;
  const idBytes = byteLength(id ?? '');
  if (idBytes > VECTORIZE_MAX_ID_BYTES) return `its id is ${idBytes} bytes, the limit is ${VECTORIZE_MAX_ID_BYTES}`;
  if (vector == null && (text ?? '').trim() === '') return 'its text is empty';
  const bytes = byteLength(text ?? '');
  return bytes > MAX_TEXT_BYTES
    ? `its text is ${bytes} bytes, the limit is ${MAX_TEXT_BYTES}: --chunk cuts it`
    : undefined;
};

export interface CutOptions {
  readonly cutting: Cutting;
  readonly metadata: CallerMetadata;
}

export async function* itemsOf(
  found: AsyncIterable<Found>,
  { cutting, metadata }: CutOptions,
): AsyncGenerator<Item, void, void> {
  /** Rows' own ids, and the rows that came first under them. */
  const ids = digestSet();
  const rows = digestSet();
  /** The same row again is no loss; another one under the same id would replace the first. */
  const isTaken = ({ id, text, source, metadata: own, vector }: FoundText): boolean => {
    const row = digestOf([id, text, source ?? null, own ?? null, vector ?? null]);
    if (!ids.add(digestOf(id))) return !rows.has(row);
    rows.add(row);
    return false;
  };

  const ready = (
    { place, vector, source, metadata: own = {}, id: ownId }: FoundText,
    id: string,
    text: string,
  ): Ready | Refused => {
    const hasOwnId = ownId !== undefined;
    // what is no object is left for the schema to refuse
    const all = typeof own === 'object' && !Array.isArray(own) ? { ...metadata, ...own } : own;
    const example = {
      id,
      ...(text === '' && vector !== undefined ? {} : { text }),
      ...(vector === undefined ? {} : { vector }),
      source: source ?? place.source,
      ...(Object.keys(all).length === 0 ? {} : { metadata: all }),
    } as Example;
    const problem = problemOf(example);
    if (problem !== undefined) return refused(place, problem, typeof id === 'string' ? id : undefined);
    return { type: 'example', place, id, hasOwnId, example, digest: digestOf(example) };
  };

  for await (const one of found) {
    if (one.type !== 'text') {
      yield one;
      continue;
    }
    const { place, text } = one;
    if (place.source.length > MAX_SOURCE) {
      yield refused(place, `its name is ${place.source.length} characters, the limit is ${MAX_SOURCE}`);
      continue;
    }
    if (one.id !== undefined && isTaken(one)) {
      yield refused(place, 'its id was taken by an earlier row with another content', one.id);
      continue;
    }
    const document = place.page === undefined ? place.source : `${place.source}#p${place.page}`;
    const base = one.id ?? (one.isRow ? chunkId(place.source, rowMark(one)) : document);
    const isCut = cutting.by === 'here' && (!one.isRow || cutting.rows) && one.vector === undefined;
    if (!isCut || typeof text !== 'string') {
      yield ready(one, one.id ?? documentId(base), text);
      continue;
    }
    const texts = cut(text, cutting.size, cutting.overlap);
    if (texts.length === 0) yield refused(place, 'its text is empty', one.id);
    for (const [k, part] of texts.entries()) yield ready(one, chunkId(base, k), part);
  }
}
