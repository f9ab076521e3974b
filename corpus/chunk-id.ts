// The id of a document's chunk: `DOCUMENT#k`. Of a long id the end is kept, which tells more than its beginning, after a mark
// of the whole one. Pure, since the edge cuts texts too.
import { fnv1a } from '../wire/fnv.ts';
import { VECTORIZE_MAX_ID_BYTES } from '../wire/limits.ts';
import { byteLength } from '../wire/text.ts';

export const chunkId = (document: string, index: number): string => {
  const id = `${document}#${index}`;
  if (byteLength(id) <= VECTORIZE_MAX_ID_BYTES) return id;
  const mark = `${fnv1a(new TextEncoder().encode(document)).toString(36)}…`;
  let tail = id;
  while (byteLength(mark + tail) > VECTORIZE_MAX_ID_BYTES) tail = [...tail].slice(1).join('');
  return mark + tail;
};
