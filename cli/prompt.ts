// What the demonstration is asked to continue: a real document that is kept out of the corpus, cut in two; or the
// user's own prompt. The cut is at a line, so that neither half begins in the middle of a word.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Document } from '../corpus/documents.ts';
import { UsageError } from './arguments.ts';
import type { Options } from './options.ts';

export interface Prompt {
  /** Where it is from, for the report. */
  readonly source: string;
  /** What examples are selected for, and what generation continues. */
  readonly prompt: string;
  /** The true continuation; absent for a prompt of the user's own, whose own text is scored instead. */
  readonly continuation?: string;
  /** The document that must not be in the corpus, nor a near copy of it. */
  readonly heldOut?: string;
}

/** Characters of the prompt and of the continuation at most: within the window of the embedded model, together. */
const PROMPT_CHARACTERS = 800;
const CONTINUATION_CHARACTERS = 800;

const cut = (text: string, source: string): Prompt => {
  const half = Math.min(PROMPT_CHARACTERS, Math.floor(text.length / 2));
  const line = text.lastIndexOf('\n', half) + 1;
  const at = line > half / 2 ? line : half;
  const continuation = text.slice(at, at + CONTINUATION_CHARACTERS);
  if (text.slice(0, at).trim() === '' || continuation.trim() === '') {
    throw new UsageError(`${source} is too short to be cut into a prompt and a continuation`);
  }
  return { source, prompt: text.slice(0, at), continuation };
};

/** Documents of the starter corpus that make a readable demonstration, in order of preference. */
const PREFERRED = ['hono/dist/types/middleware/basic-auth/index.d.ts'];

/** One document of a fair size, the same on every start. */
const choose = (documents: readonly Document[]): Document => {
  const preferred = documents.find(({ path }) => PREFERRED.includes(path));
  if (preferred !== undefined) return preferred;
  const mark = ({ path }: Document): string => createHash('sha256').update(path).digest('hex');
  const fair = documents.filter(({ text }) => text.length >= 1_000 && text.length <= 20_000);
  const pool = fair.length > 0 ? fair : documents;
  const [first] = [...pool].sort((a, b) => (mark(a) < mark(b) ? -1 : 1));
  if (first === undefined || documents.length < 2) {
    throw new UsageError(
      'the corpus is a single document, so none can be kept out of it: give --prompt or --prompt-file',
    );
  }
  return first;
};

export const choosePrompt = async (options: Options, documents: readonly Document[]): Promise<Prompt> => {
  if (options.prompt !== undefined) return { source: '--prompt', prompt: options.prompt };
  if (options.promptFile !== undefined) {
    const path = options.promptFile;
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new UsageError(`--prompt-file ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
    });
    const text = new TextDecoder().decode(bytes);
    if (text.trim() === '') throw new UsageError(`--prompt-file ${path} is empty`);
    return cut(text, path);
  }
  const { path, text } = choose(documents);
  return { ...cut(text, path), heldOut: path };
};
