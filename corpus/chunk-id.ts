// The id of a document's part: `DOCUMENT#k` of a chunk. Of a long id the end is kept, which tells more than its beginning,
// after a mark of the whole document. Pure, since the edge cuts texts too.
import { fnv1a } from '../wire/fnv.ts';
import { VECTORIZE_MAX_ID_BYTES } from '../wire/limits.ts';
import { byteLength } from '../wire/text.ts';

const fitted = (id: string, document: string): string => {
  if (byteLength(id) <= VECTORIZE_MAX_ID_BYTES) return id;
  const mark = `${fnv1a(new TextEncoder().encode(document)).toString(36)}…`;
  let tail = id;
  while (byteLength(mark + tail) > VECTORIZE_MAX_ID_BYTES) tail = [...tail].slice(1).join('');
  return mark + tail;
};

export const chunkId = (document: string, part: number | string): string => fitted(`${document}#${part}`, document);

/** Of a document that is one example. */
export const documentId = (document: string): string => fitted(document, document);
