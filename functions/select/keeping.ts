// The answer of a selection, with an id under which its bytes can be fetched again where it is kept. Keeping begins before
// the answer goes out, and nothing waits for it.
import type { SelectedFields, SelectRequest } from '../../wire/api/select.ts';
import { MAX_KEPT_SELECTION_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import { newSelectionId, type Source } from '../selections/record.ts';
import { keep, type Place, selectionTtl } from '../selections/store.ts';
import { delivered } from './delivery.ts';
import type { Selection } from './selection.ts';

export interface Answer {
  readonly content: SelectedFields;
  /** The content as JSON. */
  readonly body: string;
}

/** What the answer rests on: of every corpus the picks that are from it. */
const sourcesOf = ({ sources = [], picks }: Selection): Source[] =>
  sources.map((source) => {
    const own = picks.filter(({ corpus = source.corpus }) => corpus === source.corpus);
    const hashes = new Map(own.map(({ id, hash = '' }) => [id, hash]));
    return { ...source, picks: [...hashes].map(([id, hash]) => ({ id, hash })) };
  });

export const answerOf = (
  place: Place,
  tenant: string,
  { fields, store }: Pick<SelectRequest, 'fields' | 'store'>,
  selection: Selection,
  etag: string,
  timings: Readonly<Record<string, number>>,
): Answer => {
  const seconds = store ? selectionTtl(place.env) : 0;
  const content = { ...delivered(selection, fields), timings: { ...timings } };
  if (seconds === 0) return { content, body: JSON.stringify(content) };
  const id = newSelectionId();
  const withId = { ...content, id };
  const body = JSON.stringify(withId);
  if (byteLength(body) <= MAX_KEPT_SELECTION_BYTES) {
    const expiresAt = Date.now() + 1000 * seconds;
    keep(place, tenant, id, { etag, body, expiresAt, sources: sourcesOf(selection) });
    return { content: withId, body };
  }
  const warning = `the answer is larger than ${MAX_KEPT_SELECTION_BYTES} bytes, and so is not kept: it has no id`;
  const unkept = { ...content, warnings: [...content.warnings, warning] };
  return { content: unkept, body: JSON.stringify(unkept) };
};
