// A streamed answer: text on stdout as it comes, what happens before it on stderr, or all of it as NDJSON.
import type { GenerateEvent } from '../../client/index.ts';
import type { Console } from '../commands/command.ts';
import { printable, siftLines } from './shown.ts';

/** An event as a line of NDJSON: an object of one member, and the index of the sample. */
const onWire = (event: GenerateEvent): Record<string, unknown> => {
  switch (event.type) {
    case 'text':
      return { text: event.text, index: event.index, ...(event.logprobs == null ? {} : { logprobs: event.logprobs }) };
    case 'finish':
      return { finish: event.reason, index: event.index };
    case 'usage':
      return { usage: event.usage };
    case 'sift':
      return { [event.name]: event.value };
  }
};

export interface Answer {
  /** Of the first sample. */
  readonly text: string;
}

/** Shows a stream to its end. Several samples come side by side: for people each is shown when it is whole. */
export const showStream = async (
  console: Console,
  events: AsyncIterable<GenerateEvent>,
  { verbose, samples }: { readonly verbose: boolean; readonly samples: number },
): Promise<Answer> => {
  // a file gets what was generated; a terminal would obey it
  const shown = (text: string): string => (console.terminal === true ? printable(text) : text);
  const told = verbose || console.interactive;
  const whole = new Map<number, string>();
  let wasCut = false;
  for await (const event of events) {
    console.emit(onWire(event));
    if (event.type === 'text') {
      whole.set(event.index, (whole.get(event.index) ?? '') + event.text);
      if (samples === 1) console.write(shown(event.text));
    } else if (event.type === 'sift' && told && !console.json) {
      const lines = siftLines(event.name, event.value);
      if (lines.length > 0) console.note(...lines);
    } else if (event.type === 'finish') {
      wasCut ||= event.reason === 'length';
    }
  }
  if (samples > 1) {
    for (const [index, text] of [...whole].sort(([a], [b]) => a - b)) console.say(`[${index + 1}]`, shown(text), '');
  } else if (!(whole.get(0) ?? '').endsWith('\n')) console.write('\n');
  if (wasCut && told && !console.json) console.note('(ended by the limit of tokens: --max-tokens)');
  return { text: whole.get(0) ?? '' };
};
