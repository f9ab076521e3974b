// Where things of this installation are. Light, so that a command which only asks a server for something can know it too.
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Whether this is the package as npm installs it, and not a clone. */
export const INSTALLED = ROOT.split(sep).includes('node_modules');

/**
 * What is kept between starts: in the clone, or where the installed command is called, since whatever lies below node_modules
 * goes with the next install. SIFT_STATE: another place (tests, or several corpora side by side).
 */
export const stateOf = (env: Readonly<Record<string, string | undefined>>): string =>
  resolve(env.SIFT_STATE ?? join(INSTALLED ? process.cwd() : ROOT, '.sift'));
export const STATE = stateOf(process.env);

/** The directories of the model and the embedder that come with the repository. */
export const DEFAULT_MODEL = 'models/base';
export const DEFAULT_EMBEDDER = 'models/embedder';
