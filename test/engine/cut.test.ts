// The end of a prompt that is too long: what stays, what goes, and what is refused even then.
import { describe, expect, it } from 'vitest';
import { createChat } from '../../gateway/backends/text/chat/chat.ts';
import { cutPrompt } from '../../gateway/backends/text/cut.ts';
import { fittingPrompt, type PromptReader, promptIds } from '../../gateway/backends/text/sequence.ts';
import { readTokenizer } from '../../tokenizer/read.node.ts';
import type { Message } from '../../wire/tune/requests.ts';

const readerOf = async (name: string, rows: number, template?: string): Promise<PromptReader> => {
  const tokenizer = await readTokenizer(new URL(`golden/${name}`, import.meta.url).pathname, rows);
  const source = template === undefined ? undefined : { template, names: { bos_token: '<s>' } };
  return { tokenizer, chat: createChat(source, tokenizer), architecture: { context: 200, start: 0 } };
};
// turns that alternate, or a refusal
const STRICT =
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}[S {{ m.content }}]{% else %}{% if loop.previtem is defined and loop.previtem.role == m.role %}{{ raise_exception('must alternate') }}{% endif %}[{{ m.role }} {{ m.content }}]{% endif %}{% endfor %}";
const spm = await readerOf('spm', 400, STRICT);
const chat = await readerOf('chat', 320);

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });
const system = (content: string): Message => ({ role: 'system', content });
const messagesOf = (prompt: unknown): Message[] => (prompt as { messages: Message[] }).messages;
const fault = (kind: object) => expect.objectContaining({ fault: expect.objectContaining(kind) });

describe('a text', () => {
  it('keeps its last tokens, after those that begin every text', () => {
    const text = 'one two three four five six '.repeat(40);
    const whole = promptIds(spm, text);
    const cut = cutPrompt(spm, text, 50);
    expect(cut).toMatchObject({ kept: 50, dropped: whole.length - 50 });
    expect(cut.prompt).toEqual({ ids: [...spm.tokenizer.before, ...whole.slice(-49)] });
    expect(promptIds(spm, cut.prompt)).toHaveLength(50);
  });
});

describe('a conversation', () => {
  const long: Message[] = [
    system('be brief'),
    ...Array.from({ length: 30 }, (_, i) => [user(`question ${i}`), assistant(`answer ${i}`)]).flat(),
    user('the last one'),
  ];

  it('keeps the system message and as many of the last turns as fit, from the user’s words on', () => {
    const cut = cutPrompt(spm, { messages: long }, 150);
    const left = messagesOf(cut.prompt);
    expect(left[0]).toEqual(system('be brief'));
    expect(left[1]?.role).toBe('user');
    expect(left.slice(1)).toEqual(long.slice(long.length - (left.length - 1)));
    expect(left.length).toBeGreaterThan(3);
    // one turn more would not have fitted
    const more = [system('be brief'), ...long.slice(long.length - (left.length + 1))];
    expect(promptIds(spm, { messages: more }).length).toBeGreaterThan(150);
  });

  it('loses the beginning of its last message where that does not fit, and no half of a character', () => {
    for (const most of [60, 61, 62, 63, 64]) {
      const cut = cutPrompt(chat, { messages: [system('be brief'), user('old'), user(`${'🌍'.repeat(300)}!`)] }, most);
      const [first, last, ...rest] = messagesOf(cut.prompt);
      expect([first, rest]).toEqual([system('be brief'), []]);
      expect(last?.content).toMatch(/^🌍+!$/u);
      expect(cut.kept).toBeLessThanOrEqual(most);
      expect(cut.kept).toBeGreaterThan(most - 5);
    }
  });

  it('is refused where its system message alone is too long, with both numbers', () => {
    const messages = [system('word '.repeat(300)), user('hi')];
    const whole = promptIds(chat, { messages }).length;
    const refused = fault({ kind: 'context_length', param: 'messages', got: whole, limit: 200 });
    expect(() => cutPrompt(chat, { messages }, 100)).toThrow(refused);
    expect(() => fittingPrompt(chat, { messages })).toThrow(refused);
    expect(() => fittingPrompt(chat, { messages })).toThrow(
      `messages are ${whole} tokens, which leaves no room: this model's maximum context length is 200 tokens`,
    );
  });

  it('that its template refuses is refused before anything is cut', () => {
    expect(() => cutPrompt(spm, { messages: [user('one'), user('two')] }, 2)).toThrow(
      fault({ kind: 'bad_field', param: 'messages' }),
    );
  });
});
