// Where things of this installation are. Light, so that a command which only asks a server for something can know it too.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** SIFT_STATE: another place for what is kept between starts (tests, or several corpora side by side). */
export const stateOf = (env: Readonly<Record<string, string | undefined>>): string =>
  resolve(env.SIFT_STATE ?? join(ROOT, '.sift'));
export const STATE = stateOf(process.env);

/** The directories of the model and the embedder that come with the repository. */
export const DEFAULT_MODEL = 'models/base';
export const DEFAULT_EMBEDDER = 'models/embedder';
