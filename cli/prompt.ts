// What the demonstration tunes for: documents drawn from the corpus, a file of the user's, or a prompt as it was typed.
// A document is cut in two at a line, so that neither half begins in the middle of a word; the second half is scored.
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { decodeText } from '../corpus/decode.ts';
import type { Document } from '../corpus/documents.ts';
import { readFound } from '../corpus/files.ts';
import { twinsOf } from '../corpus/twins.ts';
import { MAX_CORPUS_FILE_BYTES } from '../wire/limits.ts';
import { UsageError } from './arguments.ts';
import { drawDocuments } from './draw.ts';

export interface Prompt {
  /** Where it is from, for the report. */
  readonly source: string;
  /** What examples are selected for, and what generation continues. */
  readonly prompt: string;
  /** The true continuation; absent for a prompt as it was typed, whose own text is scored instead. */
  readonly continuation?: string;
}

export interface Prompts {
  readonly prompts: readonly Prompt[];
  /** Sources that no selection may take from: the prompts' own documents and their near copies. */
  readonly leftOut: readonly string[];
}

/** Characters of the prompt and of the continuation at most: within the window of the embedded model, together. */
const PROMPT_CHARACTERS = 800;
const CONTINUATION_CHARACTERS = 800;

/** Not between the two halves of a surrogate pair. */
const whole = (text: string, at: number): number => (/[\uD800-\uDBFF]/.test(text.charAt(at - 1)) ? at - 1 : at);

export const cut = (text: string, source: string): Prompt => {
  const half = Math.min(PROMPT_CHARACTERS, Math.floor(text.length / 2));
  const line = text.lastIndexOf('\n', half) + 1;
  const at = line > half / 2 ? line : whole(text, half);
  const continuation = text.slice(at, whole(text, at + CONTINUATION_CHARACTERS));
  if (text.slice(0, at).trim() === '' || continuation.trim() === '') {
    throw new UsageError(`${source} is too short to be cut into a prompt and a continuation`);
  }
  return { source, prompt: text.slice(0, at), continuation };
};

/** A file of the user's, read. */
export interface PromptFile {
  readonly path: string;
  readonly text: string;
  /** Its path without links. */
  readonly real: string;
}

/** Throws a UsageError for a file that is empty or cannot be read. */
export const readPromptFile = async (path: string): Promise<PromptFile> => {
  const unreadable = (why: unknown): never => {
    throw new UsageError(`--prompt-file ${path} cannot be read: ${why instanceof Error ? why.message : why}`);
  };
  const real = await realpath(path).catch(unreadable);
  const bytes = await readFound({ path, real }, MAX_CORPUS_FILE_BYTES);
  if ('reason' in bytes) return unreadable(bytes.reason);
  const decoded = decodeText(bytes);
  if ('text' in decoded) return { path, text: decoded.text, real };
  if (decoded.refused === 'empty') throw new UsageError(`--prompt-file ${path} is empty`);
  return unreadable(`it is ${decoded.refused}`);
};

/** The corpus' documents that a file is, or nearly is. */
const documentsOf = async (
  { text, real }: PromptFile,
  documents: readonly Document[],
  root: string,
): Promise<string[]> => {
  const [twins = []] = twinsOf([text], documents);
  const same = documents.filter((document) => document.text === text || resolve(root, document.path) === real);
  return [...new Set([...same.map(({ path }) => path), ...twins])];
};

/** `root`: the real directory that the documents' paths are below. */
export const choosePrompts = async (
  { prompt: typed, file }: { readonly prompt?: string | undefined; readonly file?: PromptFile | undefined },
  documents: readonly Document[],
  root: string,
): Promise<Prompts> => {
  if (typed !== undefined) return { prompts: [{ source: '--prompt', prompt: typed }], leftOut: [] };
  if (file !== undefined) {
    const prompt = cut(file.text, file.path);
    const leftOut = await documentsOf(file, documents, root);
    return { prompts: [prompt], leftOut };
  }
  if (documents.length < 2) {
    throw new UsageError(
      'the corpus is a single document, so none can be left out of the selection: give --prompt or --prompt-file',
    );
  }
  const drawn = drawDocuments(documents);
  if (drawn.documents.length === 0) {
    throw new UsageError(
      'every document of the corpus is nearly all of it, so none can be left out: give --prompt or --prompt-file',
    );
  }
  return { prompts: drawn.documents.map(({ path, text }) => cut(text, path)), leftOut: drawn.leftOut };
};
