// Files as examples: a .jsonl file brings a line each, any other text file is one example, which the edge cuts. What is no
// text is refused here, with the reason.
import type { Example } from '../../client/index.ts';

export interface Refused {
  readonly name: string;
  readonly why: string;
}

export interface Read {
  readonly examples: readonly Example[];
  readonly refused: readonly Refused[];
}

const LINES = /\.(jsonl|ndjson)$/i;

const ofLines = (name: string, text: string): Read => {
  const examples: Example[] = [];
  const refused: Refused[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      examples.push(JSON.parse(line) as Example);
    } catch {
      refused.push({ name: `${name}, line ${i + 1}`, why: 'is not JSON' });
    }
  }
  return { examples, refused };
};

/** An id has 64 bytes at most: a longer name is told as the source alone. */
const idOf = (name: string): { id?: string } =>
  new TextEncoder().encode(name).length <= 64 && name !== '.' && name !== '..' ? { id: name } : {};

export const examplesOf = (name: string, bytes: Uint8Array): Read => {
  const refuse = (why: string): Read => ({ examples: [], refused: [{ name, why }] });
  if (bytes.length === 0) return refuse('is empty');
  if (bytes.includes(0)) return refuse('is no text: it holds a zero byte');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('is not UTF-8');
  }
  return LINES.test(name) ? ofLines(name, text) : { examples: [{ ...idOf(name), source: name, text }], refused: [] };
};
