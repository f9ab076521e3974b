// A checkpoint's tokenizer from its directory.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../wire/message.ts';
import { createTokenizer, type Tokenizer } from './index.ts';

/** Reads tokenizer.json and tokenizer_config.json (which may be missing) of a directory. */
export const readTokenizer = async (directory: string, rows: number): Promise<Tokenizer> => {
  const path = join(directory, 'tokenizer.json');
  const read = async (from: string): Promise<unknown> => {
    const text = await readFile(from, 'utf8');
    try {
      return JSON.parse(text);
    } catch {
      throw new Error('is not JSON');
    }
  };
  const json = await read(path).catch((error: unknown) => {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`);
  });
  const configPath = join(directory, 'tokenizer_config.json');
  const configJson = await read(configPath).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new Error(`${configPath} cannot be read: ${messageOf(error)}`);
  });
  try {
    return createTokenizer(json, configJson, rows);
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error)}`);
  }
};
