// What serve reads and writes: the model, the embedder, its state, and the secrets in it.
import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '../../wire/message.ts';
import { DEFAULT_EMBEDDER } from '../places.ts';
import { type Check, type Finding, fail, ok, skip, warn } from './finding.ts';

export const modelCheck: Check = async ({ model }) => {
  const refused = (why: string): Finding[] => [
    fail(
      'model',
      `the model ${model} cannot be read`,
      why,
      'name a checkpoint in Hugging Face layout: --model DIR (docs/models.md)',
    ),
  ];
  try {
    const config = JSON.parse(await readFile(join(model, 'config.json'), 'utf8')) as { model_type?: unknown };
    const weights = (await readdir(model)).filter((name) => name.endsWith('.safetensors'));
    if (weights.length === 0) return refused('it has no .safetensors');
    for (const name of weights) await access(join(model, name), constants.R_OK);
    return [ok('model', `the model ${model} (${String(config.model_type)}) can be read`)];
  } catch (error) {
    return refused(messageOf(error));
  }
};

export const embedderCheck: Check = async ({ embedder }) => {
  try {
    const { embedderFiles, triedEmbedder } = await import('../../local/embedder.ts');
    const read = embedder.endsWith(DEFAULT_EMBEDDER) ? embedderFiles : triedEmbedder;
    const { dimensions, notes } = await read(embedder);
    const what = `the embedder ${embedder} (${dimensions} dimensions) can be read`;
    return [ok('embedder', notes.length === 0 ? what : `${what}: ${notes.join('; ')}`)];
  } catch (error) {
    return [
      fail(
        'embedder',
        `the embedder ${embedder} cannot be read`,
        messageOf(error),
        'name another: --embedder DIR (docs/models.md)',
      ),
    ];
  }
};

const existing = async (directory: string): Promise<string> =>
  (await stat(directory).catch(() => undefined)) === undefined && dirname(directory) !== directory
    ? existing(dirname(directory))
    : directory;

export const stateCheck: Check = async ({ state }) => {
  const there = await existing(state);
  try {
    if (!(await stat(there)).isDirectory()) throw new Error('it is no directory');
    await access(there, constants.W_OK | constants.X_OK);
  } catch (error) {
    return [
      fail(
        'state',
        `${state} cannot be written`,
        messageOf(error),
        'make it writable, or name another with SIFT_STATE',
      ),
    ];
  }
  if (there !== state) return [ok('state', `${state} is not there yet, and can be made`)];
  const { ownerOf } = await import('../../local/lock.ts');
  const owner = await ownerOf(state);
  return [ok('state', `${state} can be written; ${owner === undefined ? 'nobody has it' : `${owner} has it`}`)];
};

const MOST_OPEN = 0o077;

/** The file that serve keeps its own secrets in. */
export const secretsFileCheck: Check = async ({ state }) => {
  const path = join(state, 'secrets.json');
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return [skip('secrets-file', 'secrets of this machine', `serve has not made ${path} yet`)];
  try {
    const { apiKey, gatewaySecret } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    if (typeof apiKey !== 'string' || typeof gatewaySecret !== 'string') {
      throw new Error('it lacks apiKey or gatewaySecret');
    }
  } catch (error) {
    return [
      fail(
        'secrets-file',
        `${path} is damaged`,
        messageOf(error),
        'repair it, or delete it: serve then makes new ones',
      ),
    ];
  }
  if (process.platform !== 'win32' && (found.mode & MOST_OPEN) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    return [warn('secrets-file', `${path} has mode ${mode}`, 'other users may read it', `chmod 600 ${path}`)];
  }
  return [ok('secrets-file', `${path} is its owner's alone`)];
};
