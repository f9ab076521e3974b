// The end of a prompt that is longer than its model's context, for callers who would rather have an answer to it than a
// refusal. A text loses its first tokens, but for those of the tokenizer's template. A conversation keeps its system message
// and loses whole turns, oldest first, so that what is left begins with the user's words, as templates ask for it; where
// the last message does not fit by itself, it loses its beginning.
import { at } from '../../../wire/list.ts';
import type { Message } from '../../../wire/tune/requests.ts';
import type { Cut, Prompt } from '../contract.ts';
import { type PromptReader, promptIds, tooLong } from './sequence.ts';

/** The first of 0 … count − 1 of which it is true, if it is true of all after it; count where it is true of none. */
const firstOf = (count: number, isTrue: (index: number) => boolean): number => {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isTrue(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
};

const cutText = ({ tokenizer }: PromptReader, ids: readonly number[], most: number): Prompt => {
  const { before, after } = tokenizer;
  const room = most - before.length - after.length;
  const inner = ids.slice(before.length, ids.length - after.length);
  return { ids: [...before, ...inner.slice(inner.length - Math.max(0, room)), ...after] };
};

const cutConversation = (model: PromptReader, messages: readonly Message[], most: number): Prompt => {
  const system = messages[0]?.role === 'system' ? messages.slice(0, 1) : [];
  const rest = messages.slice(system.length);
  const fits = (list: readonly Message[]): boolean => promptIds(model, { messages: list }).length <= most;
  // turns begin with the user's words; the last message is always one, whoever spoke
  const turns = rest.flatMap(({ role }, i) => (role === 'user' || i === rest.length - 1 ? [i] : []));
  const from = (index: number): Message[] => [...system, ...rest.slice(at(turns, index))];
  const first = firstOf(turns.length, (index) => fits(from(index)));
  if (first < turns.length) return { messages: from(first) };
  const last = rest.at(-1);
  if (last === undefined) return { messages };
  const end = (characters: number): Message[] => {
    // not through the middle of a character of two units
    const content = last.content.slice(characters);
    return [...system, { ...last, content: content.isWellFormed() ? content : content.slice(1) }];
  };
  const dropped = firstOf(last.content.length, (characters) => fits(end(characters)));
  return { messages: end(dropped) };
};

/** Throws where a prompt of nothing but what must stay is longer still. */
export const cutPrompt = (model: PromptReader, prompt: Prompt, most: number): Cut => {
  const whole = promptIds(model, prompt);
  if (whole.length <= most) return { prompt, kept: whole.length, dropped: 0 };
  const cut =
    typeof prompt === 'object' && 'messages' in prompt
      ? cutConversation(model, prompt.messages, most)
      : cutText(model, whole, most);
  const kept = promptIds(model, cut).length;
  if (kept > most) throw tooLong(prompt, whole.length, model.architecture.context);
  return { prompt: cut, kept, dropped: whole.length - kept };
};
