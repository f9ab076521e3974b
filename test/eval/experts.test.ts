// Experts trained ahead: what they may learn from, which of them a prompt gets, what a request with them does, how results go
// on where they ended, the rule they are judged by, and that docs/study/experts.md is what the committed figures give.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { merge, weigh } from '../../eval/choose/experts.ts';
import { summariseExperts } from '../../eval/figures/experts.ts';
import type { Prompt } from '../../eval/material/prompts.ts';
import { prepare, type Setting } from '../../eval/material/setting.ts';
import type { Source } from '../../eval/material/sources.ts';
import { runsOf, sharesLongRun } from '../../eval/material/twins.ts';
import { type ExpertsJson, expertsPage } from '../../eval/report/experts-page.ts';
import { full, lora } from '../../eval/run/arms.ts';
import { type ExpertArm, type ExpertRow, expertArms, type Served, serve } from '../../eval/run/expert-arms.ts';
import { expertSet, sharedExamples, sizesOf } from '../../eval/run/expert-sets.ts';
import { best, measure, neededExperts, type Study } from '../../eval/run/expert-study.ts';
import { openLedger } from '../../eval/run/ledger.ts';
import type { OpenOptions } from '../../gateway/backends/contract.ts';
import type { EmbeddedBackend, EmbeddedSession } from '../../gateway/backends/embedded/index.ts';
import type { Adapter } from '../../gateway/backends/embedded/weights.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { type FakeBackend, fakeBackend, fakeModel } from '../gateway/fake-backend.ts';

const root = new URL('../../', import.meta.url);
const scratch = mkdtempSync(join(tmpdir(), 'sift-experts-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('what experts learn from', () => {
  const WORDS =
    'index table query row column join plan cost cache page lock write read log tree leaf merge scan sort hash';
  /** Words in an order of its own: no two documents have a run in common. */
  const prose = (seed: number, words: number): string => {
    const random = seededRandom(seed);
    const list = WORDS.split(' ');
    const line = (): string => Array.from({ length: 10 }, () => at(list, Math.floor(random() * list.length))).join(' ');
    return Array.from({ length: words / 10 }, line).join('\n');
  };
  const source = (path: string, text: string): Source => ({ domain: 'prose', group: path, path, text });
  const documents = Array.from({ length: 8 }, (_, i) => source(`d${i}`, prose(i + 1, 600)));
  let setting: Setting;
  beforeAll(async () => {
    const options = {
      study: 1,
      tuning: 1,
      least: 1,
      cuts: [],
      model: new URL('models/base', root).pathname,
      embedder: new URL('models/embedder', root).pathname,
      state: scratch,
    };
    const drawn = await prepare({ ...options, sources: documents });
    const [study, tuning] = [at(drawn.study, 0), at(drawn.tuning, 0)];
    // no twins of the prompts' documents, but each quotes one of their texts in the middle
    const quoting = [study.continuation, study.prompt, tuning.continuation, tuning.prompt].map((text, i) =>
      source(`q${i}`, `${prose(100 + i, 400)}\n${text.slice(0, 500)}\n${prose(200 + i, 400)}`),
    );
    setting = await prepare({ ...options, sources: [...documents, ...quoting], domains: ['prose'] });
  });

  it('is no example that holds a part of any prompt’s text, of those that rates are chosen on neither', () => {
    const prompts = [...setting.study, ...setting.tuning];
    const texts = prompts.flatMap(({ prompt, continuation }) => [prompt, continuation]);
    const holds = (text: string): boolean => texts.some((scored) => sharesLongRun(text, runsOf(scored, 40)));
    const numbers = sharedExamples(setting);
    const { examples } = setting.corpus;
    const left = examples.filter((_, i) => !numbers.includes(i));
    expect(left.length).toBeGreaterThan(3);
    expect(new Set(left.map(({ path }) => path)).size).toBeGreaterThanOrEqual(3);
    expect(left.every(({ text }) => holds(text))).toBe(true);
    expect(numbers.some((i) => holds(at(examples, i).text))).toBe(false);
    for (const { id } of prompts) expect(examples.some(({ path }) => path === id)).toBe(false);
    const set = expertSet(setting, numbers, { k: 3, steps: 5 });
    expect(set.plans.flatMap(({ texts: of }) => of).some(holds)).toBe(false);
  });

  it('is needed of the clusters only that some prompt is given', () => {
    const set = expertSet(setting, sharedExamples(setting), { k: 12, steps: 1 });
    const prompts = [...setting.study, ...setting.tuning];
    const nearest = prompts.map(
      (one) => at(weigh(setting.vectorOf(one), set.clusters.centroids, { top: 1, temperature: 1 }), 0).expert,
    );
    expect(neededExperts({ setting }, set, 1)).toEqual([...new Set(nearest)].sort((a, b) => a - b));
    expect(neededExperts({ setting }, set, 12)).toEqual([...Array(12).keys()]);
  });

  it('is at most so many examples of each cluster', () => {
    const numbers = sharedExamples(setting);
    const { clusters, plans } = expertSet(setting, numbers, { k: 4, steps: 6 });
    expect(plans).toHaveLength(4);
    for (const [i, { texts, clusterSize }] of plans.entries()) {
      const members = at(clusters.members, i);
      expect(clusterSize).toBe(members.length);
      expect(texts).toHaveLength(Math.min(6, members.length));
      const own = new Set(members.map((one) => at(setting.corpus.examples, one).text));
      expect(texts.every((text) => own.has(text))).toBe(true);
    }
    expect(expertSet(setting, numbers, { k: 4, steps: 6 }).plans).toEqual(plans);
  });
});

describe('--sets', () => {
  it('names experts and steps', () => {
    expect(sizesOf('16:128,64:48')).toEqual([
      { k: 16, steps: 128 },
      { k: 64, steps: 48 },
    ]);
  });

  it.each([
    ['16', "--sets has '16'"],
    ['', "--sets has ''"],
    ['16:128:2', "--sets has '16:128:2'"],
    ['0:5', '--sets is'],
    ['16:x', '--sets is'],
    ['16:5,16:9', '--sets has 16 experts twice'],
  ])('refuses %j', (text, words) => {
    expect(() => sizesOf(text)).toThrow(words);
  });
});

describe('the weights of experts', () => {
  const centroids = [
    [1, 0],
    [0.6, 0.8],
    [0, 1],
  ].map((values) => Float32Array.from(values));
  const vector = Float32Array.from([1, 0]);

  it('are a softmax of the few most similar, the most similar first', () => {
    const [a, b, ...rest] = weigh(vector, centroids, { top: 2, temperature: 0.2 });
    expect(rest).toEqual([]);
    expect([a?.expert, b?.expert]).toEqual([0, 1]);
    expect((a?.weight ?? 0) + (b?.weight ?? 0)).toBeCloseTo(1);
    expect(Math.log((a?.weight ?? 0) / (b?.weight ?? 1))).toBeCloseTo(0.4 / 0.2, 4);
  });

  it('go to one alone at a low temperature, to all alike at a high one, and to the first of equals', () => {
    expect(at(weigh(vector, centroids, { top: 3, temperature: 1e-4 }), 0)).toEqual({ expert: 0, weight: 1 });
    for (const { weight } of weigh(vector, centroids, { top: 3, temperature: 1e6 })) expect(weight).toBeCloseTo(1 / 3);
    expect(weigh(vector, [vector, vector], { top: 1, temperature: 1 })).toEqual([{ expert: 0, weight: 1 }]);
    expect(weigh(vector, centroids, { top: 9, temperature: 1 })).toHaveLength(3);
  });

  it('are not given to factors of different models', () => {
    const expert = (length: number) => ({
      weight: 0.5,
      adapter: new Map([['x.lora_A.weight', new Float32Array(length)]]),
    });
    expect(() => merge([expert(4), expert(6)], 2)).toThrow("'x.lora_A.weight' is not the same factor");
  });
});

const prompt: Prompt = {
  id: 'p',
  domain: 'd',
  group: 'g',
  prompt: 'Prompt',
  continuation: ' on',
  document: 'Prompt on',
};

/** The gateway's fake with adapters: what is imported goes into its log. */
const embedded = (fake: FakeBackend, imported: Adapter[] = []): EmbeddedBackend => ({
  ...fake,
  async open(options: OpenOptions, signal: AbortSignal): Promise<EmbeddedSession> {
    const session = await fake.open(options, signal);
    return {
      ...session,
      exportAdapter: async () => new Map(),
      async importAdapter(adapter) {
        fake.log.push('import');
        imported.push(adapter);
      },
    };
  },
});

const factors = (value: number): Adapter =>
  new Map([
    ['x.lora_A.weight', Float32Array.from([value, value])],
    ['x.lora_B.weight', Float32Array.from([value, value, value])],
  ]);

const servedBy = (backend: EmbeddedBackend): Served => ({
  backend,
  temperature: 1e-4,
  sets: new Map([
    [
      2,
      {
        centroids: [
          [1, 0],
          [0, 1],
        ].map((c) => Float32Array.from(c)),
        adapters: new Map([factors(1), factors(2)].entries()),
        rank: 1,
      },
    ],
  ]),
  vectorOf: () => Float32Array.from([0, 1]),
  picksOf: async (_, strategy) => [
    { id: '1', text: `${strategy} one`, similarity: 0.9 },
    { id: '2', text: `${strategy} two`, similarity: 0.8 },
  ],
});

const arm = (changes: Partial<ExpertArm>): ExpertArm => ({
  name: 'a',
  steps: 0,
  context: 0,
  tuning: lora(5e-3),
  ...changes,
});

describe('a prompt with experts', () => {
  it('has the nearest merged before any step, at the sum of their ranks, and then its picks', async () => {
    const [fake, imported] = [fakeBackend(), [] as Adapter[]];
    const row = await serve(
      servedBy(embedded(fake, imported)),
      arm({ k: 2, top: 2, strategy: 'sift', steps: 1 }),
      prompt,
    );
    expect(fake.log).toEqual(['import', 'step sift one']);
    expect(fake.opened.map(({ method, rank }) => [method, rank])).toEqual([['lora', 2]]);
    // the second expert is the prompt's own; at this temperature it has all the weight
    expect([...(at(imported, 0).get('x.lora_A.weight') ?? [])]).toEqual([2, 2, 1, 1]);
    expect([...(at(imported, 0).get('x.lora_B.weight') ?? [])]).toEqual([2, 0, 2, 0, 2, 0]);
    expect(fake.scored).toEqual([{ context: 'Prompt', text: ' on', steps: 1 }]);
    expect(row).toMatchObject({ prompt: 'p', domain: 'd', arm: 'a', bitsPerByte: 3, trained: [8], read: 6, rank: 2 });
    expect(fake.live()).toBe(0);
  });

  it('is the base model without experts, steps and picks, and reads picks before its prompt where asked', async () => {
    const fake = fakeBackend({ models: [fakeModel({ contextTokens: 40 })] });
    expect(await serve(servedBy(embedded(fake)), arm({}), prompt)).toMatchObject({ rank: 0, trained: [], read: 6 });
    const row = await serve(servedBy(embedded(fake)), arm({ strategy: 'nn', context: 2 }), prompt);
    expect(fake.log).toEqual([]);
    expect(at(fake.scored, 1).context).toBe('nn two\n\nnn one\n\nPrompt');
    expect(row.read).toBe('nn two\n\nnn one\n\nPrompt'.length);
    expect(
      await serve(servedBy(embedded(fake)), arm({ strategy: 'nn', steps: 1, tuning: full(1e-3) }), prompt),
    ).toMatchObject({ rank: 0 });
  });

  it('leaves no session open where something fails', async () => {
    const fake = fakeBackend({ failAt: 'score' });
    await expect(serve(servedBy(embedded(fake)), arm({ k: 2 }), prompt)).rejects.toThrow('score broke');
    expect(fake.live()).toBe(0);
    await expect(serve(servedBy(embedded(fake)), arm({ k: 3 }), prompt)).rejects.toThrow('no set of 3 experts');
  });
});

describe('the comparison', () => {
  const prompts = ['p', 'q', 'r'].map((id) => ({ ...prompt, id }));
  const study = (file: string, until: number, backend: EmbeddedBackend): Study => ({
    setting: {} as Setting, // not looked at
    backend,
    ledger: openLedger<ExpertRow>(join(scratch, file)),
    directory: scratch,
    until,
  });

  it('does nothing twice, tells conditions apart, and begins nothing once the time is up', async () => {
    const fake = fakeBackend();
    const backend = embedded(fake);
    const run = (until: number, condition: unknown) =>
      measure(study('a.jsonl', until, backend), servedBy(backend), [arm({})], prompts, condition);
    expect(await run(-1, 1)).toEqual({ rows: [], complete: false });
    expect(fake.scored).toEqual([]);
    const { rows, complete } = await run(Number.POSITIVE_INFINITY, 1);
    expect(complete).toBe(true);
    expect(rows.map((row) => row.prompt)).toEqual(['p', 'q', 'r']);
    const times = fake.scored.length;
    expect(await run(-1, 1)).toEqual({ rows, complete: true }); // nothing is left to begin
    expect(fake.scored).toHaveLength(times);
    expect(await run(-1, 2)).toMatchObject({ complete: false });
  });

  it('has every way once, with each set and number of experts', () => {
    const arms = expertArms([16, 64], { full: full(5e-4), lora: lora(5e-3) }, 10);
    expect(new Set(arms.map(({ name }) => name)).size).toBe(arms.length);
    const alone = arms.filter(({ k, steps, context }) => k !== undefined && steps === 0 && context === 0);
    expect(alone.map(({ k, top }) => [k, top])).toEqual([16, 64].flatMap((k) => [1, 3, 5].map((top) => [k, top])));
  });

  it('takes the value of the fewest bits', () => {
    const tried = [3, 1, 2].map((bitsPerByte, value) => ({ value, bitsPerByte }));
    expect(best(tried)).toBe(1);
  });
});

describe('the rule', () => {
  const arms = [arm({ name: 'base' }), arm({ name: 'sift', steps: 10 }), arm({ name: 'experts', k: 2 })];
  const row = (id: number, name: string, bitsPerByte: number, ms: number): ExpertRow => ({
    prompt: `p${id}`,
    domain: id % 2 === 0 ? 'a' : 'b',
    arm: name,
    bitsPerByte,
    ms,
    readMs: 100,
    trained: name === 'sift' ? [10, 10] : [],
    read: 20,
    rank: name === 'experts' ? 8 : 0,
  });
  const rows = (experts: number, ms: number): ExpertRow[] =>
    [0, 1, 2, 3].flatMap((id) => [
      row(id, 'base', 1 + id, 1),
      row(id, 'sift', 0.9 + id, 1_000),
      row(id, 'experts', experts + id, ms),
    ]);
  const shape = { parameters: 1_000, layers: 2, width: 4, perRank: 50 };
  const of = (made: readonly ExpertRow[]) => summariseExperts(made, arms, { base: 'base', sift: 'sift' }, shape);

  it.each([
    [0.93, 40, true],
    [0.95, 40, false], // half of the gain
    [0.93, 60, false], // six hundredths of the time
    [1.02, 10, false],
  ])('experts at %d bits per byte in %d ms: pays is %s', (bits, ms, pays) => {
    expect(of(rows(bits, ms)).pays).toBe(pays);
  });

  it('never says that experts pay where SIFT gains nothing', () => {
    const worse = rows(1.05, 1).map((one) =>
      one.arm === 'sift' ? { ...one, bitsPerByte: one.bitsPerByte + 0.2 } : one,
    );
    expect(of(worse).pays).toBe(false);
  });

  it('compares by prompt, only those that have all ways', () => {
    const [base, , experts] = of([...rows(0.93, 40), row(7, 'base', 0, 1)]).figures;
    expect(of([...rows(0.93, 40), row(7, 'base', 0, 1)]).prompts).toBe(4);
    expect(base?.bitsPerByte).toBe(2.5);
    expect(experts?.lessBase).toEqual({ mean: -0.07, low: -0.07, high: -0.07 });
    expect(experts?.lessRule.mean).toBeCloseTo(-0.01);
    expect(experts).toMatchObject({ alone: true, gain: 0.7, better: 1, worse: 0, time: 0.04, trained: 0, read: 20 });
    expect(experts?.timeWithReading).toBeCloseTo(140 / 1_100, 3);
  });

  it('counts factors in the arithmetic, and a full backward pass where all weights are trained', () => {
    const [base, sift, experts] = of(
      rows(0.93, 40).map((one) => ({ ...one, read: 20_000, trained: one.trained.map(() => 10_000) })),
    ).figures;
    const pass = (parameters: number, tokens: number): number => 2 * parameters * tokens + 2 * 2 * 4 * tokens ** 2;
    expect(base?.teraflops).toBeCloseTo(pass(1_000, 20_000) / 1e12, 4);
    expect(sift?.teraflops).toBeCloseTo((pass(1_000, 20_000) + 2 * 3 * pass(1_000, 10_000)) / 1e12, 4);
    expect(experts?.teraflops).toBeCloseTo(pass(1_400, 20_000) / 1e12, 4);
  });
});

describe('docs/study/experts.md', () => {
  it('is the page of the committed figures; `node eval/experts.ts` writes both', () => {
    const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');
    const json = JSON.parse(text('eval/results/experts.json')) as ExpertsJson; // written by the command
    expect(json.prompts).toBeGreaterThanOrEqual(60);
    expect(json.domains.length).toBeGreaterThanOrEqual(5);
    expect(text('docs/study/experts.md')).toBe(expertsPage(json));
  });
});
