// How a checkpoint is tuned by default: its own sift.json, or a rule by size.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultsBySize, readDefaults } from '../../gateway/backends/defaults.ts';
import { LARGE_MODEL_PARAMETERS } from '../../wire/limits.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sift-defaults-'));
});
afterEach(() => rm(directory, { recursive: true }));

const withFile = async (text: string, parameters = 5e6) => {
  await writeFile(join(directory, 'sift.json'), text);
  return readDefaults(directory, parameters);
};

describe('the defaults of a checkpoint', () => {
  it('are full fine-tuning up to 50 M parameters, LoRA with a smaller rate above', async () => {
    const [small, large] = [LARGE_MODEL_PARAMETERS, LARGE_MODEL_PARAMETERS + 1].map(defaultsBySize);
    expect(small).toMatchObject({ method: 'full', from: 'size' });
    expect(large).toMatchObject({ method: 'lora', from: 'size' });
    expect(large?.learningRate.full).toBeLessThan(small?.learningRate.full ?? 0);
    expect(await readDefaults(directory, 135e6)).toEqual(defaultsBySize(135e6));
  });

  it('are what its sift.json says, and the rule for the rest', async () => {
    expect(await withFile('{"method":"lora","rank":16,"learning_rate":{"lora":0.002},"calibrated":{"any":1}}')).toEqual(
      {
        method: 'lora',
        rank: 16,
        learningRate: { full: 5e-4, lora: 0.002 },
        from: 'measured',
      },
    );
  });

  it.each([
    ['{', /sift\.json is not JSON$/],
    ['{"method":"qlora"}', /sift\.json: method: /],
    ['{"rank":0}', /sift\.json: rank: /],
    ['{"learning_rate":{"full":2}}', /sift\.json: learning_rate: full: /],
    ['{"learning_rate":0.1}', /sift\.json: learning_rate: /],
    ['[]', /sift\.json: /],
  ])('name the file and the field of %s', async (text, message) => {
    await expect(withFile(text)).rejects.toThrow(message);
  });
});
