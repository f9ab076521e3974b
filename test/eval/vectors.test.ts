// Vectors are computed once, and again when a text or the embedder changes.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { remembering } from '../../eval/material/vectors.ts';

it('reads the vectors of the same texts from the file, and embeds other texts', async () => {
  const asked: string[] = [];
  const embedder = {
    name: 'length',
    dimensions: 2,
    embed: async (texts: readonly string[]) => {
      asked.push(...texts);
      return texts.map((text) => Float32Array.of(text.length, 1));
    },
  };
  const directory = mkdtempSync(join(tmpdir(), 'sift-vectors-'));
  const first = await remembering(embedder, 'a', directory).embedAll(['x', 'yy']);
  const again = await remembering(embedder, 'a', directory).embedAll(['x', 'yy']);
  expect(again.map((vector) => [...vector])).toEqual([
    [1, 1],
    [2, 1],
  ]);
  expect(again).toEqual(first);
  expect(asked).toEqual(['x', 'yy']);
  await remembering(embedder, 'a', directory).embedAll(['x', 'yyy']);
  await remembering(embedder, 'another model', directory).embedAll(['x', 'yy']);
  expect(asked).toHaveLength(6);
});
