// Where a command on this machine works: the repository, the state directory and its lock, the embedder, the corpus. What
// `npm start` and `npm run calibrate` share, so that one finds what the other has indexed.
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { docsCorpus, type Gathered, ownCorpus, starterCorpus } from '../corpus/documents.ts';
import { type EmbedderFiles, embedderFiles, triedEmbedder } from '../local/embedder.ts';
import { lockState } from '../local/lock.ts';
import { checkState, checkWritable } from '../local/storage.ts';
import { DEFAULT_EMBEDDER, INSTALLED, ROOT, STATE } from './places.ts';

export { DEFAULT_EMBEDDER, DEFAULT_MODEL, ROOT, STATE } from './places.ts';

/** A directory as it was given, from where the command was called; the one that comes with the repository from there. */
export const directoryOf = (given: string, own: string): string => (given === own ? join(ROOT, own) : resolve(given));

export interface Corpus {
  readonly gathered: Gathered;
  /** The name that it is indexed under. */
  readonly corpus: string;
  /** The real directory that its documents' paths are below. */
  readonly root: string;
}

/**
 * The text files below a directory; without one of the packages in node_modules. An installed package has none of its own to
 * rely on: which ones lie beside it, and where, is the application's affair. It takes its own documentation.
 */
export const gatherCorpus = async (directory: string | undefined): Promise<Corpus> => {
  if (directory === undefined && INSTALLED) {
    const root = join(ROOT, 'docs');
    return { gathered: await docsCorpus(root), corpus: 'starter', root };
  }
  if (directory === undefined) {
    const root = join(ROOT, 'node_modules');
    return { gathered: await starterCorpus(root), corpus: 'starter', root };
  }
  const gathered = await ownCorpus(directory);
  const mark = createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 12);
  return { gathered, corpus: `own-${mark}`, root: await realpath(directory) };
};

export interface Workplace {
  readonly embedder: EmbedderFiles;
  /** Where this embedder's index is kept. */
  readonly state: string;
}

/** Checks embedder and state, and takes the state for this process alone. Throws a UsageError that says what is wrong. */
export const openWorkplace = async (embedderDirectory: string): Promise<Workplace> => {
  const read = embedderDirectory === DEFAULT_EMBEDDER ? embedderFiles : triedEmbedder;
  const embedder = await read(directoryOf(embedderDirectory, DEFAULT_EMBEDDER));
  // an index holds vectors of one model only: another embedder has a state of its own
  const state =
    embedderDirectory === DEFAULT_EMBEDDER ? STATE : join(STATE, `embedder-${embedder.fingerprint.slice(0, 12)}`);
  await checkWritable(STATE);
  await lockState(STATE);
  await checkState(state);
  return { embedder, state };
};
