// What tells one checkpoint from another, wherever it lies: a hash of its configuration and of all its weights. Neither
// time nor name counts, so that a copy is the same model. Some 2 s a gigabyte, which is less than loading it takes.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const isPart = (name: string): boolean => name === 'config.json' || name.endsWith('.safetensors');

/** 16 hexadecimal digits. Throws Node's error if a file cannot be read. */
export const fingerprintOf = async (directory: string): Promise<string> => {
  const hash = createHash('sha256');
  for (const name of (await readdir(directory)).filter(isPart).sort()) {
    const part = createHash('sha256');
    for await (const chunk of createReadStream(join(directory, name), { highWaterMark: 1 << 20 })) part.update(chunk);
    hash.update(`${name}\n${part.digest('hex')}\n`);
  }
  return hash.digest('hex').slice(0, 16);
};
