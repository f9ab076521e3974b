// The whole program on a tiny corpus and a model of a few thousand weights: what it prints, and that a second run repeats no
// tuning run.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseOptions } from '../../eval/options.ts';

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname;

const CHARACTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,\n#';

/** A byte-pair tokenizer without pairs: a token a character, within the tiny checkpoint's 64. */
const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: '<unk>',
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: Object.fromEntries(['<unk>', ...CHARACTERS].map((token, i) => [token, i])),
    merges: [],
  },
};

const NOUNS = ['worker', 'kernel', 'prompt', 'example', 'gradient', 'corpus', 'vector', 'index', 'token', 'model'];
const VERBS = ['reads', 'writes', 'selects', 'embeds', 'returns', 'tunes', 'keeps', 'drops', 'counts', 'streams'];

/** Sentences that differ from document to document, made of the same words. */
const document = (seed: number): string => {
  let state = seed * 7919 + 1;
  const next = (count: number): number => {
    state = (state * 48271) % 2147483647;
    return state % count;
  };
  const sentence = (): string =>
    `The ${NOUNS[next(10)]} ${VERBS[next(10)]} a ${NOUNS[next(10)]}, then ${VERBS[next(10)]} the ${NOUNS[next(10)]}.`;
  return Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? `\n${sentence()}` : sentence())).join('\n');
};

const figures = {
  bpb: z.strictObject({
    base: z.number().positive(),
    nn: z.record(z.string(), z.number().positive()),
    sift: z.record(z.string(), z.number().positive()),
  }),
  n: z.literal(10),
  prompts: z.number(),
  ci: z.record(z.string(), z.tuple([z.number(), z.number()])),
  sift_below_nn: z.number().min(0).max(1),
};
const summary = z.strictObject({
  scored: z.literal('prompt'),
  ...figures,
  continuation: z.strictObject(figures),
  fingerprint: z.string(),
});

const directory = mkdtempSync(join(tmpdir(), 'sift-eval-'));
const run = (...args: string[]) =>
  spawnSync(
    process.execPath,
    [
      at('eval/index.ts'),
      '--model',
      join(directory, 'model'),
      '--state',
      join(directory, 'state'),
      '--workers',
      '1',
      ...args,
    ],
    { encoding: 'utf8' },
  );

beforeAll(() => {
  cpSync(at('test/engine/golden/qwen3'), join(directory, 'model'), { recursive: true });
  writeFileSync(join(directory, 'model/tokenizer.json'), JSON.stringify(tokenizer));
  for (const domain of ['one', 'two']) {
    mkdirSync(join(directory, 'corpus', domain), { recursive: true });
    for (let i = 0; i < 8; i++) {
      writeFileSync(join(directory, 'corpus', domain, `${i}.md`), document(i + (domain === 'one' ? 1 : 100)));
    }
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('npm run eval -- --quick --json', () => {
  const quick = () => run('--quick', '--json', '--corpus', join(directory, 'corpus'), '--per-domain', '2');

  it('prints bits per byte, intervals and prompts of a user’s own text, and leaves tables and pictures', () => {
    const { status, stdout, stderr } = quick();
    expect(stderr).toContain('tuning runs');
    expect(status).toBe(0);
    const found = summary.parse(JSON.parse(stdout));
    expect(found.prompts).toBe(4);
    expect(Object.keys(found.bpb.sift)).toEqual(['1', '2', '5', '10']);
    // an untrained model of 64 tokens: six bits a byte
    expect(found.bpb.base).toBeGreaterThan(5);
    expect(found.bpb.base).toBeLessThan(7);
    const results = join(directory, 'state/results');
    expect(readFileSync(join(results, 'curve.svg'), 'utf8')).toContain('gradient steps');
    expect(existsSync(join(results, 'study.json'))).toBe(true);
  });

  it('repeats no tuning run, and continues where it was interrupted', () => {
    const [file = ''] = readdirSync(join(directory, 'state')).filter((name) => name.endsWith('.jsonl'));
    const ledger = join(directory, 'state', file);
    const complete = readFileSync(ledger, 'utf8');
    const again = quick();
    expect(again.stderr).not.toContain('tuning runs');
    expect(readFileSync(ledger, 'utf8')).toBe(complete);
    // the last task is lost in the middle of its line
    writeFileSync(ledger, complete.slice(0, -40));
    const resumed = quick();
    expect(resumed.stderr).toContain('tuning runs');
    expect(summary.parse(JSON.parse(resumed.stdout)).bpb).toEqual(summary.parse(JSON.parse(again.stdout)).bpb);
  });

  it('draws prompts from another folder', () => {
    mkdirSync(join(directory, 'prompts/mine'), { recursive: true });
    for (let i = 0; i < 3; i++) writeFileSync(join(directory, 'prompts/mine', `${i}.md`), document(500 + i));
    const { stdout, stderr } = run(
      '--quick',
      '--json',
      '--corpus',
      join(directory, 'corpus'),
      '--prompts',
      join(directory, 'prompts'),
    );
    expect(stderr).not.toContain('Error');
    expect(summary.parse(JSON.parse(stdout)).prompts).toBe(3);
  });

  it('tunes as the model is served, or as the command line says', () => {
    const quick = (...args: string[]) =>
      run('--quick', '--json', '--corpus', join(directory, 'corpus'), '--per-domain', '1', ...args);
    const gentle = quick(
      '--learning-rate',
      '1e-9',
      '--method',
      'lora',
      '--rank',
      '4',
      '--threads',
      '2',
      '--deadline',
      '290',
    );
    expect(gentle.stderr).toContain('tuning LoRA of rank 4 at a rate of 1e-9 (as given)');
    const { base, sift } = summary.parse(JSON.parse(gentle.stdout)).bpb;
    expect(sift['10']).toBeCloseTo(base, 4);
    writeFileSync(join(directory, 'model/sift.json'), '{"learning_rate":{"full":0.01}}');
    const own = quick();
    rmSync(join(directory, 'model/sift.json'));
    expect(own.stderr).toContain('tuning all weights at a rate of 0.01 (sift.json)');
    expect(summary.parse(JSON.parse(own.stdout)).bpb.sift['10']).toBeLessThan(base - 0.1);
  });

  it('names a wrong option and its value', () => {
    expect(() => parseOptions(['--rank', '8'])).toThrow(
      '--rank goes with --quick: the whole study chooses its learning rates itself',
    );
    expect(() => parseOptions(['--quick', '--learning-rate', '7'])).toThrow("--learning-rate has '7'");
    expect(() => parseOptions(['--quick', '--prompts', 'x'])).toThrow('--prompts x needs a --corpus to learn from');
    expect(() => parseOptions(['--workers', '1.5'])).toThrow("--workers is '1.5', it must be a whole number");
    const { stderr, status } = run('--quick', '--corpus', join(directory, 'nowhere'));
    expect(stderr).toMatch(/^eval: --corpus .*nowhere cannot be read: .*\n$/);
    expect(status).toBe(2);
  });
});
