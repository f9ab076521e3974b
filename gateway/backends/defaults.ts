// How a checkpoint is tuned unless a request says otherwise: sift.json in its directory, written by `npm run calibrate` or by
// hand; without it a rule by size. The rule's rates lose little on either side of what was measured (docs/models.md); a
// rate that is too large makes answers worse than the base model's, so where in doubt it is the smaller one.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  DEFAULT_LEARNING_RATE,
  LARGE_MODEL_FULL_RATE,
  LARGE_MODEL_LORA_RATE,
  LARGE_MODEL_PARAMETERS,
  LARGE_MODEL_RANK,
  MAX_RANK,
  MIN_LEARNING_RATE,
  SMALL_MODEL_LORA_RATE,
  SMALL_MODEL_RANK,
} from '../../wire/limits.ts';
import type { TuningDefaults } from './contract.ts';

export const SIFT_FILE = 'sift.json';

const rate = z.number().min(MIN_LEARNING_RATE).max(1);

/** The file; what it leaves out comes from the rule by size. Further members, such as a table of what was tried, are kept. */
export const siftFile = z.looseObject({
  method: z.enum(['full', 'lora']).optional(),
  rank: z.int().min(1).max(MAX_RANK).optional(),
  learning_rate: z.strictObject({ full: rate.optional(), lora: rate.optional() }).optional(),
});

export const defaultsBySize = (parameters: number): TuningDefaults =>
  parameters > LARGE_MODEL_PARAMETERS
    ? {
        method: 'lora',
        rank: LARGE_MODEL_RANK,
        learningRate: { full: LARGE_MODEL_FULL_RATE, lora: LARGE_MODEL_LORA_RATE },
        from: 'size',
      }
    : {
        method: 'full',
        rank: SMALL_MODEL_RANK,
        learningRate: { full: DEFAULT_LEARNING_RATE, lora: SMALL_MODEL_LORA_RATE },
        from: 'size',
      };

/** What a sift.json says; `where` is named in the Error that is thrown on what it should not. */
export const parseDefaults = (text: string, where: string, parameters: number): TuningDefaults => {
  const bySize = defaultsBySize(parameters);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${where} is not JSON`);
  }
  const parsed = siftFile.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${where}: ${[...(issue?.path ?? []), issue?.message].join(': ')}`);
  }
  const { method = bySize.method, rank = bySize.rank, learning_rate = {} } = parsed.data;
  const { full = bySize.learningRate.full, lora = bySize.learningRate.lora } = learning_rate;
  return { method, rank, learningRate: { full, lora }, from: 'measured' };
};

/** Of a checkpoint's directory. Throws an Error that names the file and the field. */
export const readDefaults = async (directory: string, parameters: number): Promise<TuningDefaults> => {
  const path = join(directory, SIFT_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be read: ${error.message}`);
  });
  return text === undefined ? defaultsBySize(parameters) : parseDefaults(text, path, parameters);
};
