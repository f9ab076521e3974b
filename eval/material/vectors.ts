// Vectors of many texts, kept in a file for the next run: embedding a corpus takes a minute, reading the file almost
// nothing. The file's name is the hash of the embedder and of every text; a file is renamed to it once complete.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { progress } from '../../cli/progress.ts';
import type { Embedder } from '../../functions/embedding/embedder.ts';

export interface ManyTexts {
  readonly dimensions: number;
  /** One vector a text, of examples: read from their beginning. */
  embedAll(texts: readonly string[]): Promise<Float32Array[]>;
}

/** Texts between two moves of the progress line. */
const AT_ONCE = 1_024;

const split = (values: Float32Array, dimensions: number): Float32Array[] =>
  Array.from({ length: values.length / dimensions }, (_, i) => values.subarray(i * dimensions, (i + 1) * dimensions));

export const remembering = (embedder: Embedder, hash: string, directory: string): ManyTexts => {
  const { dimensions } = embedder;
  return {
    dimensions,
    async embedAll(texts) {
      const sum = createHash('sha256').update(hash);
      for (const text of texts) sum.update(`${text.length}\n${text}`);
      const file = join(directory, `${sum.digest('hex').slice(0, 16)}.vectors`);
      const known = await readFile(file).catch(() => undefined);
      if (known !== undefined && known.byteLength === 4 * dimensions * texts.length) {
        // a copy of its own, since a Buffer may begin anywhere
        return split(new Float32Array(Uint8Array.from(known).buffer), dimensions);
      }
      const bar = progress('embed', texts.length, { logged: true });
      const values = new Float32Array(texts.length * dimensions);
      for (let at = 0; at < texts.length; at += AT_ONCE) {
        const vectors = await embedder.embed(texts.slice(at, at + AT_ONCE), 'head');
        for (const [i, vector] of vectors.entries()) values.set(vector, (at + i) * dimensions);
        bar.update(Math.min(texts.length, at + AT_ONCE));
      }
      bar.end();
      await mkdir(directory, { recursive: true });
      await writeFile(`${file}.part`, values);
      await rename(`${file}.part`, file);
      return split(values, dimensions);
    },
  };
};
