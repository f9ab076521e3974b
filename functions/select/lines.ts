// A selection line by line: each pick as soon as its text is there, in the order of the steps, then the rest. Picks are final
// only when all rounds are over; what is still to be waited for then are texts in R2.
// A failure on the way is the last line, and no `selection` line follows.
import type { SelectedFields, SelectLine, SelectRequest } from '../../wire/api/select.ts';
import { MAX_CONNECTIONS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { wireError } from '../http/errors.ts';
import { delivered } from './delivery.ts';
import type { Draft } from './select.ts';
import type { Pick, Selection } from './selection.ts';

/** Texts in order, a few asked for ahead. */
async function* withTexts({ selection: { picks }, text }: Draft): AsyncGenerator<Pick, void, void> {
  const asked: Promise<string | undefined>[] = [];
  for (const [place, pick] of picks.entries()) {
    while (asked.length < Math.min(picks.length, place + MAX_CONNECTIONS)) {
      const next = text(asked.length);
      next.catch(() => {}); // told when its turn comes
      asked.push(next);
    }
    yield { ...pick, text: await at(asked, place) };
  }
}

const lineOf = (line: SelectLine): string => `${JSON.stringify(line)}\n`;

/** `finish` keeps the selection and says what is told of it; `onFailure` hears what ended it early. */
export async function* selectionLines(
  draft: Draft,
  { fields }: SelectRequest,
  finish: (selection: Selection) => Promise<{ readonly content: SelectedFields }>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<string, void, void> {
  const wantsText = fields === undefined || fields.includes('text');
  const picks: Pick[] = [];
  try {
    for await (const pick of wantsText ? withTexts(draft) : draft.selection.picks) {
      picks.push(pick);
      const [told] = delivered({ ...draft.selection, picks: [pick] }, fields).picks;
      if (told !== undefined) yield lineOf({ pick: told });
    }
    const { content } = await finish({ ...draft.selection, picks });
    const { picks: _told, ...selection } = content;
    yield lineOf({ selection });
  } catch (error) {
    onFailure(error);
    yield lineOf({ error: wireError(error).body.error });
  }
}

/** Pieces of text as a body, made as they are read; whoever leaves ends them. */
export const bodyOf = (pieces: AsyncGenerator<string, void, void>): ReadableStream<Uint8Array> => {
  const utf8 = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done) controller.close();
      else controller.enqueue(utf8.encode(next.value));
    },
    async cancel() {
      await pieces.return();
    },
  });
};
