// The comparison of tuning, context and both: what one run reads, how figures pair and cost, what a guard would have done,
// and that docs/study/context.md is what the committed figures give.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { spec } from '../../eval/choose/spec.ts';
import { guardedRuns, guardFigures, guardStudy } from '../../eval/figures/guard.ts';
import { type Mode, operations, tableOf } from '../../eval/figures/modes.ts';
import type { Prompt } from '../../eval/material/prompts.ts';
import { contextPage, type ModesJson } from '../../eval/report/context-page.ts';
import { full } from '../../eval/run/arms.ts';
import { type ModeRow, measureModes, type Reading } from '../../eval/run/modes.ts';
import { planModes } from '../../eval/run/plan-modes.ts';
import { at } from '../../wire/list.ts';
import { fakeBackend, fakeModel } from '../gateway/fake-backend.ts';

const prompt: Prompt = {
  id: 'p',
  domain: 'd',
  group: 'g',
  prompt: 'Prompt',
  continuation: ' goes on',
  document: 'Prompt goes on',
};

describe('one run', () => {
  it('reads each point after its steps, with as many of its picks before it as fit', async () => {
    const backend = fakeBackend({ models: [fakeModel({ contextTokens: 30 })] });
    const picks = [
      { id: '1', text: 'nearest', similarity: 0.9 },
      { id: '2', text: 'far away from it', similarity: 0.2 },
    ];
    const point = (steps: number, context: number, text: 'prompt' | 'continuation' = 'continuation') => ({
      steps,
      context,
      text,
    });
    const row = await measureModes(
      backend,
      {
        prompt,
        strategy: 'sift',
        selection: spec('sift', { n: 2 }),
        tuning: full(1e-3),
        points: [point(0, 0), point(2, 0), point(0, 2), point(2, 1), point(1, 1, 'prompt')],
        baseLosses: true,
      },
      { picks, variances: [0.5, 0.4] },
    );
    const placed = 'nearest\n\nPrompt';
    expect(backend.scored).toEqual([
      { context: 'Prompt', text: ' goes on', steps: 0 },
      { context: placed, text: ' goes on', steps: 0 },
      { context: '', text: 'nearest', steps: 0 },
      { context: '', text: 'far away from it', steps: 0 },
      { context: 'nearest\n\n', text: 'Prompt', steps: 1 },
      { context: 'Prompt', text: ' goes on', steps: 2 },
      { context: placed, text: ' goes on', steps: 2 },
    ]);
    expect(row.readings.map(({ examples }) => examples)).toEqual([0, 1, 1, 0, 1]);
    expect([row.baseLosses.length, row.losses.length, row.picks]).toEqual([2, 2, [1, 2]]);
    expect(backend.live()).toBe(0);
  });
});

describe('the plan', () => {
  it('has the main runs of the first prompts first, and no run twice', () => {
    const prompts = Array.from({ length: 40 }, (_, i) => ({ ...prompt, id: String(i) }));
    const defaults = { method: 'lora', rank: 8, learningRate: { full: 1e-4, lora: 1e-3 }, from: 'size' } as const;
    const plan = planModes(prompts, defaults, { high: 2, long: 3 });
    expect(new Set(plan.slice(0, 36).map((task) => task.prompt.id)).size).toBe(36);
    expect(new Set(plan.map((task) => JSON.stringify(task))).size).toBe(plan.length);
    expect(plan.filter(({ tuning }) => tuning.method === 'full').every(({ tuning }) => tuning.rank === 0)).toBe(true);
  });
});

const reading = (steps: number, context: number, bitsPerByte: number): Reading => ({
  steps,
  context,
  text: 'continuation',
  bitsPerByte,
  examples: context,
  tokens: 100 * context,
});
const row = (id: string, strategy: string, readings: readonly Reading[], more: Partial<ModeRow> = {}): ModeRow => ({
  prompt: id,
  domain: id.slice(0, 1),
  strategy,
  copies: 1,
  tuning: full(1e-3),
  readings,
  baseLosses: [],
  losses: [1, 1],
  tokens: [50, 60],
  ms: [1, 1],
  picks: [0, 1],
  similarities: [],
  variances: [],
  ...more,
});

describe('the figures', () => {
  const mode = (strategy: string, steps: number, context: number): Mode => ({
    strategy,
    copies: 1,
    steps,
    context,
    text: 'continuation',
  });
  const shape = { parameters: 1_000, layers: 2, width: 8 };
  const counts = new Map([
    ['a1', 10],
    ['b1', 30],
  ]);
  const rows = [
    row('a1', 'sift', [reading(0, 0, 2), reading(0, 2, 1.5), reading(2, 0, 1)]),
    row('b1', 'sift', [reading(0, 0, 1), reading(0, 2, 1.1), reading(2, 0, 0.5)]),
    row('a1', 'nn', [reading(2, 0, 1.2)]),
    row('b1', 'nn', [reading(2, 0, 0.6)]),
    row('b2', 'nn', [reading(2, 0, 9)]),
  ];

  it('are of the prompts that have every mode, paired with the base and with NN', () => {
    const modes = [mode('', 0, 0), mode('sift', 0, 2), mode('sift', 2, 0), mode('nn', 2, 0)];
    const { prompts, domains, figures } = tableOf(rows, modes, shape, counts);
    expect([prompts, domains]).toEqual([2, ['a', 'b']]);
    expect(figures.map(({ bitsPerByte }) => bitsPerByte)).toEqual([1.5, 1.3, 0.75, 0.9]);
    expect(figures.map(({ lessBase }) => lessBase?.mean)).toEqual([undefined, -0.2, -0.75, -0.6]);
    expect(figures.map(({ lessNn }) => lessNn?.mean)).toEqual([undefined, undefined, -0.15, undefined]);
    expect(at(figures, 1)).toMatchObject({ better: 0.5, worse: 0.5, read: 220, trained: 0, examples: 2 });
    expect(at(figures, 2)).toMatchObject({ better: 1, worse: 0, read: 20, trained: 110 });
  });

  it('count two operations a parameter and token, three passes for a full step', () => {
    expect(operations(shape, 10, 1)).toBe(2 * 1_000 * 10 + 2 * 2 * 8 * 100);
    const { figures } = tableOf(rows, [mode('', 0, 0), mode('sift', 2, 0)], shape, counts);
    const read = (operations(shape, 10, 1) + operations(shape, 30, 1)) / 2;
    const trained = operations(shape, 50, 3) + operations(shape, 60, 3);
    expect(at(figures, 1).teraflops).toBeCloseTo((read + trained) / 1e12, 4);
  });
});

describe('the guard in hindsight', () => {
  const prompts = (steps: number, bitsPerByte: number): Reading => ({
    ...reading(steps, 0, bitsPerByte),
    text: 'prompt',
  });
  const runs = (rate: number, differences: readonly number[], bits: readonly number[]): ModeRow[] =>
    bits.map((value, i) =>
      row(
        `${'ab'[i % 2]}${i}`,
        'sift',
        [...(rate === 1e-3 ? [reading(0, 0, 1), prompts(0, 1)] : []), ...[reading(2, 0, value), prompts(2, 0.5)]],
        {
          tuning: full(rate),
          baseLosses: rate === 1e-3 ? [1, 1] : [],
          losses: [1, 1 + at(differences, i)],
        },
      ),
    );
  const rows = [
    ...runs(1e-3, [-0.2, -0.2, 0.1, 0.1], [0.9, 0.9, 1.05, 1.05]),
    ...runs(3e-3, [0.3, 0.3, 0.3, -0.3], [1.2, 1.2, 1.2, 0.8]),
  ];
  const guarded = guardedRuns(rows, { method: 'full', rate: 1e-3, steps: 2 });

  it('compares a loss before its own step with the base loss, without the first pick, and the prompt with itself', () => {
    expect(guarded.map(({ factor }) => factor)).toEqual([1, 1, 1, 1, 3, 3, 3, 3]);
    const { signals, change } = at(guarded, 0);
    expect(signals.prequential).toBeCloseTo(-0.2);
    expect(signals.capped).toBeCloseTo(-0.1);
    expect(signals.prompt).toBeCloseTo(-0.5 * Math.LN2);
    expect(change).toBeCloseTo(-0.1);
    expect(at(guarded, 4).change).toBeCloseTo(0.2);
  });

  it('goes down the rates, and to the base where none helps', () => {
    const [low, high] = guardFigures(guarded, 'prequential', 0);
    expect(low).toMatchObject({ fired: 0.5, toBase: 0.5, harmed: 0.5, harmedWith: 0, falseAlarms: 0 });
    expect(high).toMatchObject({ factor: 3, fired: 0.75, toBase: 0.25, harmed: 0.75, harmedWith: 0 });
    expect(high?.changeWith).toBeCloseTo((-0.1 - 0.1 + 0 - 0.2) / 4);
  });

  it('tells how each signal goes with the change, and judges by the product’s threshold', () => {
    const study = guardStudy(guarded);
    expect(study?.correlations.prequential).toBeGreaterThan(0.5);
    expect(study?.correlations.prompt).toBeNaN(); // it fell everywhere alike
    expect(study?.figures.map(({ harmedWith }) => harmedWith)).toEqual([0, 0]);
    expect(guardStudy([])).toBeUndefined();
  });
});

describe('docs/study/context.md', () => {
  it('is the page of the committed figures; `node eval/modes.ts --report` writes both', () => {
    const root = new URL('../../', import.meta.url);
    const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');
    const models = readdirSync(new URL('eval/results/', root))
      .filter((name) => /^modes-.*\.json$/.test(name))
      .map((name) => JSON.parse(text(`eval/results/${name}`)) as ModesJson) // written by the command
      .toSorted((a, b) => b.parameters - a.parameters);
    expect(models.length).toBeGreaterThan(0);
    const findings = existsSync(new URL('eval/context-findings.md', root)) ? text('eval/context-findings.md') : '';
    expect(text('docs/study/context.md')).toBe(contextPage(models, findings));
  });
});
