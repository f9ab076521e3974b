// What of a selection is answered: at most so many bytes of texts, and of each pick the fields that were asked for.
import type { PickField, SelectedFields } from '../../wire/api/select.ts';
import { byteLength } from '../../wire/text.ts';
import { selectionOnWire } from './answer.ts';
import type { Pick, Selection } from './selection.ts';

const bytesOf = ({ text, bytes }: Pick): number => (text === undefined ? (bytes ?? 0) : byteLength(text));

/** The selection up to the last pick whose text still fits; its figures are those of the picks that are left. */
export const bounded = (selection: Selection, most: number | undefined): Selection => {
  if (most === undefined) return selection;
  const sizes = selection.picks.map(bytesOf);
  let total = 0;
  const over = sizes.findIndex((size) => {
    total += size;
    return total > most;
  });
  if (over < 0) return selection;
  const picks = selection.picks.slice(0, over);
  const last = picks.at(-1);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const left = `${sizes.length - over} of ${sizes.length} picks were left out, from the end`;
  return {
    ...selection,
    picks,
    finalVariance: last?.variance ?? selection.initialVariance,
    explained: last === undefined && selection.explained !== null ? 0 : (last?.explained ?? null),
    warnings: [...selection.warnings, `max_bytes ${most}: ${left}; all texts are ${all} bytes`],
  };
};

export type PickOnWire = SelectedFields['picks'][number];

export const withFields = (pick: PickOnWire, fields: readonly PickField[] | undefined): PickOnWire => {
  if (fields === undefined) return pick;
  const wanted = new Set<string>(fields);
  return Object.fromEntries(Object.entries(pick).filter(([name]) => wanted.has(name)));
};

export const delivered = (
  selection: Selection,
  fields: readonly PickField[] | undefined,
): Omit<SelectedFields, 'timings'> => {
  const { picks, ...rest } = selectionOnWire(selection);
  return { ...rest, picks: picks.map((pick) => withFields(pick, fields)) };
};
