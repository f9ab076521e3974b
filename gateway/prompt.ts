// A request's prompt as backends read it, what examples make of it, and how long it and its answers are. In a conversation
// the examples go into the system message, between marks; a text that holds such a mark has it broken up, so that it cannot
// close its own frame (docs/chat.md).
import {
  DEFAULT_CHAT_EXAMPLE_TEMPLATE,
  type Example,
  type Layout,
  writtenExample,
  writtenPrompt,
  writtenSystem,
} from '../wire/context.ts';
import { MAX_NEW_TOKENS } from '../wire/limits.ts';
import type { Message, TuneRequest } from '../wire/tune/requests.ts';
import type { Prompt } from './backends/contract.ts';

type Asked = Pick<TuneRequest, 'prompt' | 'messages'>;

export const promptOf = ({ prompt = '', messages }: Asked): Prompt => (messages === undefined ? prompt : { messages });

/** Characters of all texts in it. */
export const charactersOf = (prompt: Prompt): number => {
  if (typeof prompt === 'string') return prompt.length;
  if ('ids' in prompt) return 0;
  return prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
};

/** Tokens of one answer at most. */
export const mostNewTokens = ({ max_tokens }: Pick<TuneRequest['sampling'], 'max_tokens'>, contextTokens: number) =>
  Math.min(max_tokens ?? MAX_NEW_TOKENS, contextTokens);

const MARK = /<(?=\s*\/?\s*examples?\b)/gi;
const unmarked = (text: string): string => text.replace(MARK, '< ');

/** As an attribute's value has it: one line without the signs that end it. */
const attribute = (source: string): string =>
  unmarked(source)
    .replaceAll('"', "'")
    .replaceAll(/[<>\r\n]+/g, ' ');

const chatExample =
  (layout: Layout) =>
  ({ text, source = '' }: Example): string =>
    writtenExample(
      { example_template: layout.example_template ?? DEFAULT_CHAT_EXAMPLE_TEMPLATE },
      { text: unmarked(text), source: attribute(source) },
    );

const withSystem = (messages: readonly Message[], layout: Layout, examples: readonly string[]): readonly Message[] => {
  if (examples.length === 0) return messages;
  const [first, ...rest] = messages;
  const own = first?.role === 'system' ? first.content : '';
  const system: Message = { role: 'system', content: writtenSystem(layout, examples, own) };
  return [system, ...(first?.role === 'system' ? rest : messages)];
};

/** How examples are written, and what a prompt is with them. */
export interface Frame {
  example(example: Example): string;
  /** Written examples, the nearest last; without any the prompt is as it was. */
  prompt(examples: readonly string[]): Prompt;
}

/** `following` is read after the prompt. */
export const textFrame = (layout: Layout, prompt: string, following = ''): Frame => ({
  example: (example) => writtenExample(layout, example),
  prompt: (examples) => writtenPrompt(layout, examples, prompt) + following,
});

export const frameOf = (layout: Layout, prompt: Prompt): Frame => {
  if (typeof prompt === 'string') return textFrame(layout, prompt);
  // what was cut leaves no room
  if ('ids' in prompt) return { example: (example) => writtenExample(layout, example), prompt: () => prompt };
  return {
    example: chatExample(layout),
    prompt: (examples) => ({ messages: withSystem(prompt.messages, layout, examples) }),
  };
};
