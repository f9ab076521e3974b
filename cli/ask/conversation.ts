// A conversation at a terminal: a line is a message, and each answer knows those before it.
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { SiftError } from '../../client/index.ts';
import { chatRequest } from '../../wire/api/chat.ts';
import type { Message } from '../../wire/tune/requests.ts';
import { UsageError } from '../../wire/usage.ts';
import type { Given } from '../commands/command.ts';
import { printable } from './shown.ts';
import { readTextFile } from './text.ts';

/** What stands before the first message. */
export const beginning = async (system: string | undefined, file: string | undefined): Promise<Message[]> => {
  const first: Message[] = system === undefined ? [] : [{ role: 'system', content: system }];
  if (file === undefined) return first;
  let value: unknown;
  try {
    value = JSON.parse(await readTextFile(file));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--messages ${file} is not JSON`);
  }
  const parsed = chatRequest.safeParse({ model: 'base', messages: value });
  if (parsed.success) return [...first, ...parsed.data.messages];
  const [issue] = parsed.error.issues;
  throw new UsageError(`--messages ${file}: ${issue?.path.join('.')} ${issue?.message}`);
};

/** The answer to these messages, shown as it comes. */
type AnswerTo = (messages: readonly Message[]) => Promise<string>;

/** The terminal repeats what is typed, and so what readline would write is left to it, but for the mark of a turn. */
const silent = new Writable({ write: (_, __, done) => done() });

export const converse = async (
  { console, input }: Pick<Given, 'console' | 'input'>,
  before: readonly Message[],
  message: string | undefined,
  answer: AnswerTo,
): Promise<void> => {
  const messages: Message[] = [...before];
  const turn = async (content: string): Promise<void> => {
    const asked: Message = { role: 'user', content };
    const reply = await answer([...messages, asked]);
    messages.push(asked, { role: 'assistant', content: reply });
  };
  if (message !== undefined) return turn(message);
  const lines = createInterface({ input: input.stream, output: silent, terminal: false });
  console.signal.addEventListener('abort', () => lines.close(), { once: true });
  console.note('a line is a message; Ctrl-D ends');
  const mark = (): void => console.prompt?.('> ');
  mark();
  for await (const line of lines) {
    if (line.trim() === '/exit') break;
    if (line.trim() !== '') {
      try {
        await turn(line);
      } catch (error) {
        // one answer that failed does not end the conversation, unless the next one would fail alike
        if (!(error instanceof SiftError) || error.status === 401 || error.status === 403) throw error;
        console.note(printable(error.message));
      }
    }
    mark();
  }
};
