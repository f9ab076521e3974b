// Whose vectors the edge works with: the embedder that comes with the repository, or a directory of the user's own.
// Checked before anything starts, so that a mistake is a sentence and not a Worker that does not come up.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseEmbedderConfig } from '../functions/embedding/sentence.ts';
import { messageOf } from '../wire/message.ts';
import { UsageError } from '../wire/usage.ts';

export interface EmbedderFiles {
  /** Absolute; holds config.json, tokenizer.json and model.onnx. */
  readonly directory: string;
  readonly dimensions: number;
  /** Changes with any byte of the three files. */
  readonly fingerprint: string;
}

const FILES = ['config.json', 'tokenizer.json', 'model.onnx'] as const;

export const embedderFiles = async (directory: string): Promise<EmbedderFiles> => {
  const sum = createHash('sha256');
  let config = '';
  for (const name of FILES) {
    const path = join(directory, name);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
    });
    if (name === 'config.json') config = bytes.toString('utf8');
    sum.update(bytes);
  }
  try {
    const { dimensions } = parseEmbedderConfig(JSON.parse(config), join(directory, 'config.json'));
    return { directory: resolve(directory), dimensions, fingerprint: sum.digest('hex') };
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};
