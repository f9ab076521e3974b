// What a message says is text, also where it says `<|im_end|>`: a special token that a caller writes must not end the turn
// and begin another in somebody else's name. So the first character of each is put out of sight while the template is
// rendered and its special tokens are looked for, and back before the rest becomes tokens. transformers does not do this;
// for texts without special tokens the ids are the same.
// Limit: a template that takes pieces out of a text may still put two halves together; no common one does.
import type { Message } from '../../../../wire/tune/requests.ts';

/** Private use: no text of a language holds it, and one that does is left its own. */
const FIRST_PRIVATE = 0xe000;
const LAST_PRIVATE = 0xf8ff;

export interface Hidden {
  readonly messages: readonly Message[];
  /** Undoes it in a text that was rendered of them. */
  show(text: string): string;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

export const hideSpecials = (messages: readonly Message[], specials: readonly string[]): Hidden => {
  const found = specials.filter(
    (special) => special !== '' && messages.some(({ content }) => content.includes(special)),
  );
  if (found.length === 0) return { messages, show: (text) => text };
  const taken = new Set(messages.flatMap(({ content }) => content.match(/[\ue000-\uf8ff]/g) ?? []));
  const free: string[] = [];
  for (let code = FIRST_PRIVATE; code <= LAST_PRIVATE && free.length < found.length; code++) {
    const character = String.fromCharCode(code);
    if (!taken.has(character)) free.push(character);
  }
  const standIns = new Map<string, string>();
  for (const first of new Set(found.map((special) => special.charAt(0)))) {
    const standIn = free[standIns.size];
    if (standIn === undefined) throw new Error('a conversation that holds every character of private use');
    standIns.set(first, standIn);
  }
  // wherever one begins, also inside another
  const begins = new RegExp(`(?=${found.map(escaped).join('|')})[^]`, 'g');
  const originals = new Map(Array.from(standIns, ([first, standIn]) => [standIn, first]));
  const shown = new RegExp(`[${[...originals.keys()].join('')}]`, 'g');
  return {
    messages: messages.map(({ role, content }) => ({
      role,
      content: content.replace(begins, (first) => standIns.get(first) ?? first),
    })),
    show: (text) => text.replace(shown, (standIn) => originals.get(standIn) ?? standIn),
  };
};
