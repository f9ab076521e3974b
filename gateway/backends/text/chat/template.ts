// A chat template rendered as transformers renders it: Jinja with trim_blocks and lstrip_blocks, and the names and functions
// that templates rely on. What a template itself refuses, by raise_exception, is told apart from what cannot be rendered.
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import type { Message } from '../../../../wire/tune/requests.ts';

/** A template's own words about a conversation that it does not take. */
export class TemplateRefusal extends Error {}

export type Render = (messages: readonly Message[], answers?: boolean) => string;

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** Python's, in its C locale, as far as templates ask for it. */
const strftime = (now: Date, format: string): string => {
  const two = (value: number): string => String(value).padStart(2, '0');
  const [month, day] = [MONTHS[now.getMonth()] ?? '', DAYS[now.getDay()] ?? ''];
  const parts: Readonly<Record<string, string>> = {
    '%Y': String(now.getFullYear()),
    '%y': two(now.getFullYear() % 100),
    '%m': two(now.getMonth() + 1),
    '%d': two(now.getDate()),
    '%B': month,
    '%b': month.slice(0, 3),
    '%A': day,
    '%a': day.slice(0, 3),
    '%H': two(now.getHours()),
    '%M': two(now.getMinutes()),
    '%S': two(now.getSeconds()),
    '%%': '%',
  };
  return format.replace(/%./g, (part) => parts[part] ?? part);
};

const range = (first: number, second?: number, step = 1): number[] => {
  const [from, to] = second === undefined ? [0, first] : [first, second];
  const numbers: number[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) numbers.push(i);
  return numbers;
};

/** Throws where it is no Jinja; what is returned throws a TemplateRefusal, or whatever rendering fails of. */
export const compileTemplate = (
  template: string,
  names: Readonly<Record<string, string>>,
  now: () => Date = () => new Date(),
): Render => {
  const program = parse(tokenize(template, { trim_blocks: true, lstrip_blocks: true }));
  return (messages, answers = true) => {
    const environment = new Environment();
    const given: Record<string, unknown> = {
      true: true,
      false: false,
      none: null,
      True: true,
      False: false,
      None: null,
      range,
      raise_exception: (why: unknown) => {
        throw new TemplateRefusal(String(why));
      },
      strftime_now: (format: unknown) => strftime(now(), String(format)),
      ...names,
      messages: messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: answers,
      tools: null,
      documents: null,
    };
    for (const [name, value] of Object.entries(given)) environment.set(name, value);
    const { value } = new Interpreter(environment).run(program);
    return String(value);
  };
};

/** For a checkpoint without a template (docs/chat.md): a transcript, which a base model goes on with. */
export const PLAIN_STOPS = ['\n\nUser:', '\nUser:'] as const;
const SPEAKERS = { system: 'System', user: 'User', assistant: 'Assistant' } as const;

export const plainTranscript: Render = (messages, answers = true) => {
  const turns = messages.map(({ role, content }) => `${SPEAKERS[role]}: ${content}`);
  return [...turns, ...(answers ? [`${SPEAKERS.assistant}:`] : [])].join('\n\n');
};
