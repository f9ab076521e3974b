// What people reported of the engine, asked of the embedded backend as the gateway uses it: cases that name a checkpoint
// of their own, or tokens. Each file of data/ holds an input and the right value, a further one is picked up by itself.

import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Backend, OpenOptions, Session } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { readTokenizer } from '../../tokenizer/read.node.ts';
import { DEFAULT_LEARNING_RATE } from '../../wire/limits.ts';
import { tuning } from '../../wire/tune/requests.ts';
import { named } from '../engine/variants.ts';

const DATA = fileURLToPath(new URL('data/', import.meta.url));
const BASE = fileURLToPath(new URL('../../models/base', import.meta.url));

const request = z.looseObject({
  prompt: z.string().optional(),
  max_tokens: z.int().default(12),
  temperature: z.number().default(0),
  stop: z.array(z.string()).default([]),
  context: z.string().default(''),
  text: z.string().optional(),
  picks: z.array(z.union([z.string(), z.object({ text: z.string() })])).default([]),
  tuning: tuning.prefault({}),
});
/** What is right: a sentence, the text alone, or some fields of the answer. */
const right = z.union([
  z.string(),
  z.object({
    text: z.string().optional(),
    finish_reason: z.string().optional(),
    prompt_tokens: z.int().optional(),
    completion_tokens: z.int().optional(),
    bits: z.number().optional(),
    tokens: z.int().optional(),
  }),
]);
const file = z.looseObject({
  id: z.string(),
  checkpoint: z.string().optional(),
  tokens: z.string().optional(),
  request: request.optional(),
  expected: right,
  more: z.array(request.extend({ expected: right })).default([]),
});
type Case = z.output<typeof file>;

const cases: Case[] = readdirSync(DATA)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(DATA + name, 'utf8')))
  .filter((one) => 'checkpoint' in one || 'tokens' in one)
  .map((one) => file.parse(one));

const never = new AbortController().signal;
const temporary: string[] = [];
const directoryOf = async (name: string): Promise<string> => {
  const make = named[name];
  if (make === undefined) throw new Error(`no checkpoint '${name}'; test/engine/variants.ts has ${Object.keys(named)}`);
  const directory = await make();
  if (!directory.includes('/golden/')) temporary.push(directory);
  return directory;
};
afterAll(() => Promise.all(temporary.map((directory) => rm(directory, { recursive: true }))));

const optionsOf = ({ tuning: t }: z.output<typeof request>): OpenOptions => ({
  model: 'm',
  method: t.method === 'auto' ? 'full' : t.method,
  rank: t.rank ?? 8,
  seed: 1,
  reuseGradients: t.reuse_gradients,
  optimiser: {
    learningRate: t.learning_rate === 'auto' ? DEFAULT_LEARNING_RATE : t.learning_rate,
    beta1: t.beta1,
    beta2: t.beta2,
    epsilon: t.epsilon,
    weightDecay: t.weight_decay,
  },
});

const answer = async (session: Session, asked: z.output<typeof request>) => {
  const picks = asked.picks.map((pick) => (typeof pick === 'string' ? pick : pick.text));
  for await (const step of session.train(picks, never)) expect(Number.isFinite(step.loss)).toBe(true);
  if (asked.text !== undefined) return session.score(asked.context, asked.text, never);
  const { max_tokens: maxTokens, temperature, stop } = asked;
  const generation = session.generate(
    asked.prompt ?? '',
    { maxTokens, temperature, topP: 1, topK: 0, stop, seed: 1 },
    never,
  );
  let text = '';
  let next = await generation.next();
  for (; !next.done; next = await generation.next()) text += next.value.text;
  const { finishReason, promptTokens, completionTokens } = next.value;
  return {
    text,
    finish_reason: finishReason,
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
  };
};

const inSession = async <T>(
  backend: Backend,
  asked: z.output<typeof request>,
  use: (session: Session) => Promise<T>,
) => {
  const session = await backend.open(optionsOf(asked), never);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
};

/** A case of a checkpoint: it is refused at the start, or loads and answers. */
const ofCheckpoint = async ({ checkpoint = '', request: first, expected, more }: Case): Promise<void> => {
  const started = createEmbeddedBackend({ models: { m: await directoryOf(checkpoint) } });
  if (typeof expected === 'string' && expected.startsWith('refused')) {
    const refusal = await started.then(
      (backend) => backend.close().then(() => undefined),
      (error: Error) => error.message,
    );
    // one sentence that names the file
    expect(refusal).toMatch(/^[^\n]*\.(json|safetensors): [^\n{]+$/);
    return;
  }
  const backend = await started;
  try {
    if (first === undefined) {
      expect(expected).toBe('loads');
      return;
    }
    for (const asked of [{ ...first, expected }, ...more]) {
      const got = await inSession(backend, asked, (session) => answer(session, asked));
      if (typeof asked.expected === 'string') expect(got).toMatchObject({ text: asked.expected });
      else {
        const { bits, ...others } = asked.expected;
        expect(got).toMatchObject(others);
        if (bits !== undefined) expect('bits' in got ? got.bits : Number.NaN).toBeCloseTo(bits, 2);
      }
    }
  } finally {
    await backend.close();
  }
};

/** A case of tokens: bytes that are no character leave as they come, and at most three are held. */
const ofTokens = async ({ tokens = '', expected }: Case): Promise<void> => {
  expect(expected).toBe('emitted once a sequence can no longer become a character');
  const ids = (/[\d,\s]+(?=,? *repeated)|[\d,\s]+$/.exec(tokens)?.[0] ?? '').match(/\d+/g)?.map(Number) ?? [];
  expect(ids.length).toBeGreaterThan(0);
  const tokenizer = await readTokenizer(BASE, 8_192);
  const repeated = Array.from({ length: 20 }, () => ids).flat();
  const whole = tokenizer.decode(repeated);
  const stream = tokenizer.stream([]);
  let text = '';
  for (const [i, id] of repeated.entries()) {
    text += stream.push(id).text;
    const bytes = tokenizer.byteLengths(repeated.slice(0, i + 1)).reduce((sum, length) => sum + length, 0);
    const given = Buffer.byteLength(text);
    // a U+FFFD that came in as itself is three bytes, one that stands for a broken byte is one
    expect(bytes - given).toBeLessThanOrEqual(3);
    expect(whole.startsWith(text)).toBe(true);
  }
  expect(text + stream.end()).toBe(whole);
  expect(text.length).toBeGreaterThanOrEqual(whole.length - 1);
};

describe('reported cases of the engine', () => {
  it('are there', () => {
    expect(cases.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['F01', 'F02', 'F04', 'F05', 'F21', 'F22', 'F29']),
    );
  });

  it.each(cases.map((one) => [one.id, one] as const))('%s', async (_, one) => {
    await (one.tokens === undefined ? ofCheckpoint(one) : ofTokens(one));
  });
});
