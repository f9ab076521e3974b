// Conversations as ids, and what ends an answer in them. By the checkpoint's own template where it has one; its special
// tokens are the template's alone (hide.ts), and no second beginning of a text comes before what it writes.
import type { Tokenizer } from '../../../../tokenizer/index.ts';
import { FaultError } from '../../../../wire/faults.ts';
import { MAX_SHOWN_CHARACTERS } from '../../../../wire/limits.ts';
import { messageOf } from '../../../../wire/message.ts';
import type { Message } from '../../../../wire/tune/requests.ts';
import { shortened } from '../../../../wire/words.ts';
import type { Prompt, Sampling } from '../../contract.ts';
import { hideSpecials } from './hide.ts';
import type { ChatSource } from './source.ts';
import { compileTemplate, PLAIN_STOPS, plainTranscript, type Render, TemplateRefusal } from './template.ts';

export interface Chat {
  readonly kind: 'own' | 'plain';
  /** Ids that end an answer, beside the model's own. */
  readonly ends: readonly number[];
  /** Texts that do. */
  readonly stops: readonly string[];
  /** A conversation up to where the answer begins. Throws what the template refuses, in the caller's terms. */
  ids(messages: readonly Message[]): number[];
}

/** What ends an answer to this prompt: of a conversation, the end of a turn as well. A cut text is a text. */
export const answerEnds = (
  chat: Chat,
  ends: readonly number[],
  prompt: Prompt,
  { stop }: Pick<Sampling, 'stop'>,
): { readonly ends: readonly number[]; readonly stop: readonly string[] } =>
  typeof prompt === 'object' && 'messages' in prompt
    ? { ends: [...ends, ...chat.ends], stop: [...stop, ...chat.stops] }
    : { ends, stop };

const wrong = (message: string): FaultError => new FaultError({ kind: 'bad_field', param: 'messages', message });

const S = 'Qsift0';
const U = 'Qsift1';
const A = 'Qsift2';
const probe = (render: Render, messages: readonly Message[], answers: boolean): string | undefined => {
  try {
    return render(messages, answers);
  } catch {
    return undefined;
  }
};

/** Whether the template writes a system message at all: some refuse it, and some pass it over. */
const takesSystem = (render: Render): boolean =>
  probe(
    render,
    [
      { role: 'system', content: S },
      { role: 'user', content: U },
    ],
    true,
  )?.includes(S) === true;

/** Where it does not, the system message goes before what the user says first. */
const folded = (messages: readonly Message[]): readonly Message[] => {
  const [first, second, ...rest] = messages;
  if (first?.role !== 'system') return messages;
  if (second?.role !== 'user') return [{ role: 'user', content: first.content }, ...messages.slice(1)];
  return [{ role: 'user', content: `${first.content}\n\n${second.content}` }, ...rest];
};

/** What the template writes after an answer: its first special token, or else what stands before the user's next turn. */
const endOfTurn = (render: Render, tokenizer: Tokenizer): Pick<Chat, 'ends' | 'stops'> => {
  const turns: Message[] = [
    { role: 'user', content: U },
    { role: 'assistant', content: A },
  ];
  const special = new Set(tokenizer.specials.map(({ id }) => id));
  const [, tail = ''] = probe(render, turns, false)?.split(A) ?? [];
  const end = tokenizer.encode(tail).find((id) => special.has(id));
  if (end !== undefined) return { ends: [end], stops: [] };
  const next = probe(render, [...turns, { role: 'user', content: S }], false);
  const between = next?.split(A)[1]?.split(S)[0]?.trimEnd() ?? '';
  const before = tokenizer.encode(between).some((id) => special.has(id));
  return { ends: [], stops: between.trim() === '' || before ? [] : [between] };
};

const plain = (tokenizer: Tokenizer): Chat => ({
  kind: 'plain',
  ends: [],
  stops: PLAIN_STOPS,
  ids(messages) {
    const hidden = hideSpecials(messages, contentsOf(tokenizer));
    const ids = tokenizer.encode(plainTranscript(hidden.messages), hidden.show);
    return [...tokenizer.before, ...ids, ...tokenizer.after];
  },
});

const contentsOf = ({ specials }: Tokenizer): string[] => specials.map(({ content }) => content);

/** A template that cannot be used refuses every conversation: any other one would be nonsense that looks right. */
const unusable = (why: string): Chat => ({
  kind: 'own',
  ends: [],
  stops: [],
  ids() {
    throw wrong(`the model's chat template cannot be used: ${shortened(why, 3 * MAX_SHOWN_CHARACTERS)}`);
  },
});

/** `source` is undefined where the checkpoint has no template. */
export const createChat = (source: ChatSource | undefined, tokenizer: Tokenizer): Chat => {
  if (source === undefined) return plain(tokenizer);
  if ('wrong' in source) return unusable(source.wrong);
  let render: Render;
  try {
    render = compileTemplate(source.template, source.names);
    render([{ role: 'user', content: U }]);
  } catch (error) {
    return unusable(messageOf(error));
  }
  const system = takesSystem(render);
  return {
    kind: 'own',
    ...endOfTurn(render, tokenizer),
    ids(messages) {
      const hidden = hideSpecials(system ? messages : folded(messages), contentsOf(tokenizer));
      let text: string;
      try {
        text = render(hidden.messages);
      } catch (error) {
        if (error instanceof TemplateRefusal) {
          throw wrong(`are refused by the model's chat template: ${hidden.show(error.message)}`);
        }
        throw wrong(`cannot be written by the model's chat template: ${hidden.show(messageOf(error))}`);
      }
      return tokenizer.encode(text, hidden.show);
    },
  };
};
