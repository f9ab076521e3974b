// How an interrupted run continues: keys, the ledger, and a plan that has each task once. And the figures of finished runs.
import { appendFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { spec } from '../../eval/choose/spec.ts';
import { type Arms, cell } from '../../eval/figures/arms.ts';
import {
  alphaStop,
  covarianceStop,
  heldOut,
  levelStop,
  shareStop,
  similarityStop,
  stepsFor,
} from '../../eval/figures/stopping.ts';
import type { Prompt } from '../../eval/material/prompts.ts';
import type { Setting } from '../../eval/material/setting.ts';
import { ARMS } from '../../eval/run/arms.ts';
import { LAMBDA } from '../../eval/run/grid.ts';
import { openLedger, packLedger, unpackLedger } from '../../eval/run/ledger.ts';
import { planStudy } from '../../eval/run/plan.ts';
import { planRates } from '../../eval/run/plan-rates.ts';
import { FULL } from '../../eval/run/profile.ts';
import { bpbAt, distinctTasks, keyOf, type Row, type Task } from '../../eval/run/tasks.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';

const prompt = (id: string, domain = 'a'): Prompt => ({
  id,
  domain,
  group: id,
  prompt: 'p',
  continuation: 'c',
  document: 'pc',
});
const task = (other: Partial<Task> = {}): Task => ({
  prompt: prompt('one'),
  selection: spec('sift'),
  tuning: { method: 'full', rank: 0, learningRate: 5e-4, reuse: false },
  steps: 10,
  scoredAt: [1, 10],
  scored: 'continuation',
  ...other,
});
const row = (id: string, domain: string, scores: [number, number][]): Row => ({
  prompt: id,
  domain,
  scores,
  losses: [],
  ms: [],
  tokens: 0,
  picks: [],
  initialVariance: 1,
  variances: [],
  covariances: [],
  pool: 0,
  selectMs: { pool: 0, select: 0 },
});

describe('a ledger that was committed', () => {
  it('begins one that is not there yet, and never replaces one', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sift-ledger-'));
    const [own, packed, other] = ['own.jsonl', 'own.jsonl.gz', 'new/other.jsonl'].map((name) => join(directory, name));
    if (own === undefined || packed === undefined || other === undefined) throw new Error('three paths');
    unpackLedger(packed, other);
    expect(openLedger(other).size).toBe(0);
    openLedger<number>(own).add('a', 1);
    packLedger(own, packed);
    const next = join(directory, 'next.jsonl');
    unpackLedger(packed, next);
    expect(openLedger<number>(next).get('a')).toBe(1);
    openLedger<number>(next).add('b', 2);
    unpackLedger(packed, next);
    expect(openLedger<number>(next).size).toBe(2);
  });
});

describe('the keys of tasks', () => {
  it('are the same whatever the order of the fields, and ignore what is absent', () => {
    const { tuning, ...rest } = task();
    const { reuse, learningRate, rank, method } = tuning;
    expect(keyOf({ tuning: { reuse, learningRate, rank, method }, ...rest })).toBe(keyOf(task()));
    expect(
      keyOf(task({ selection: { ...spec('nn'), pool: { ...spec('nn').pool, prefix: undefined as never } } })),
    ).toBe(keyOf(task({ selection: spec('nn') })));
  });

  it('differ where anything differs that decides the outcome', () => {
    const others = [
      task({ prompt: prompt('two') }),
      task({ steps: 20 }),
      task({ scored: 'prompt' }),
      task({ scoredAt: [10] }),
      task({ tuning: { ...task().tuning, learningRate: 1e-3 } }),
      task({ selection: spec('sift', { lambda: 1.5 }) }),
      task({ selection: spec('sift', { degree: 3 }) }),
      task({ selection: spec('sift', { cut: 'disjoint' }) }),
      task({ selection: spec('sift', { copies: 2 }) }),
      task({ selection: spec('sift', { pool: { rounds: 2, topK: 50, sign: 'plus' } }) }),
    ];
    expect(new Set([task(), ...others].map(keyOf)).size).toBe(others.length + 1);
  });
});

describe('the ledger', () => {
  const file = (): string => join(mkdtempSync(join(tmpdir(), 'sift-ledger-')), 'x.jsonl');

  it('reads back what it wrote, and drops a line that was cut off', () => {
    const path = file();
    const first = openLedger<number>(path);
    first.add('a', 1);
    first.add('b', 2);
    appendFileSync(path, '{"key":"c","val');
    const second = openLedger<number>(path);
    expect([second.size, second.get('a'), second.get('b'), second.has('c')]).toEqual([2, 1, 2, false]);
    second.add('c', 3);
    expect(openLedger<number>(path).get('c')).toBe(3);
    expect(readFileSync(path, 'utf8').endsWith('}\n')).toBe(true);
  });
});

describe('the plan', () => {
  const study = Array.from({ length: 60 }, (_, i) => prompt(`s${i}`, i % 2 === 0 ? 'a' : 'b'));
  const tuning = [prompt('t0'), prompt('t1', 'b')];
  const setting = { study, tuning } as unknown as Setting; // all that a plan looks at

  it('has a task that two questions share once', () => {
    const plan = planStudy(setting, FULL, {});
    const tasks = distinctTasks(plan);
    expect(tasks.length).toBeLessThan(plan.length);
    expect(new Set(tasks.map(({ key }) => key)).size).toBe(tasks.length);
    const [copy] = plan.filter(({ question, arm }) => question === 'copies' && arm === 'sift ×1');
    const [main] = plan.filter(({ question, arm }) => question === 'main' && arm === 'sift');
    expect(copy && keyOf(copy.task)).toBe(main && keyOf(main.task));
  });

  it('keeps the domains balanced: after any number of tasks their prompts differ by one at most', () => {
    const counts = { a: new Set<string>(), b: new Set<string>() };
    for (const { task: one } of distinctTasks(planStudy(setting, FULL, {}))) {
      counts[one.prompt.domain as 'a' | 'b'].add(one.prompt.id);
      expect(Math.abs(counts.a.size - counts.b.size)).toBeLessThanOrEqual(1);
    }
    expect(counts.a.size).toBe(30);
  });

  it('chooses learning rates on tuning prompts only, and uses them', () => {
    const tried = planRates(setting, FULL);
    expect(tried.every(({ task: one }) => one.prompt.id.startsWith('t'))).toBe(true);
    // the first arm of a family stands for it
    expect(tried.find(({ arm }) => arm.startsWith('hullft'))?.task.selection?.n).toBe(10);
    expect(tried.find(({ arm }) => arm.startsWith('sift '))?.task.selection?.lambda).toBe(LAMBDA);
    const plan = planStudy(setting, FULL, { nn: 7e-4 });
    const rates = plan
      .filter(({ question, arm }) => question === 'main' && arm === 'nn')
      .map(({ task: one }) => one.tuning.learningRate);
    expect(new Set(rates)).toEqual(new Set([7e-4]));
    expect(ARMS.sift?.lambda).toBe(LAMBDA);
  });
});

describe('figures', () => {
  it('reads bits per byte between scored steps, never beyond the last', () => {
    const scores = {
      scores: [
        [1, 2],
        [5, 1],
        [10, 0.5],
      ] as [number, number][],
    };
    expect(bpbAt(scores, 5)).toBe(1);
    expect(bpbAt(scores, 3)).toBe(1.5);
    expect(bpbAt(scores, 20)).toBeUndefined();
  });

  it('compares an arm with base and NN on the prompts they share', () => {
    const arms: Arms = new Map([
      [
        'base',
        new Map([
          ['x', row('x', 'a', [[0, 2]])],
          ['y', row('y', 'b', [[0, 4]])],
        ]),
      ],
      ['nn', new Map([['x', row('x', 'a', [[10, 1.5]])]])],
      [
        'sift',
        new Map([
          ['x', row('x', 'a', [[10, 1]])],
          ['y', row('y', 'b', [[10, 3]])],
        ]),
      ],
    ]);
    const found = cell(arms, 'sift', 10);
    expect(found).toMatchObject({ prompts: 2, bpb: 2, base: 3 });
    expect(found?.toBase.difference.mean).toBe(-1);
    expect(found?.toNn).toMatchObject({ prompts: 1, wins: 1, difference: { mean: -0.5 } });
    expect(cell(arms, 'mmr', 10)).toBeUndefined();
  });
});

describe('stopping rules', () => {
  it('by alpha stop where the kernel stops', async () => {
    const { select } = await loadKernel();
    const rows = Float32Array.from([1, 0, 0, 0.6, 0.8, 0, 0.6, 0, 0.8, 0, 0.6, 0.8]);
    const queries = Float32Array.from([0.6, 0.64, 0.48]);
    const problem = { rows, queries, dimensions: 3, picks: 8, lambda: 0.5, repeat: true };
    const all = select(problem);
    for (const alpha of [0.1, 0.3, 0.5, 0.8, 2]) {
      const ended = select({ ...problem, alpha });
      if (!all.ok || !ended.ok) throw new Error('the kernel refused the problem');
      expect(alphaStop(all.value.variances, alpha)).toBe(ended.value.picks.length);
    }
  });

  it('count picks down to a level, and while they bring a share of the first', () => {
    expect(levelStop(1, [0.6, 0.4, 0.2], 0.5)).toBe(2);
    expect(levelStop(1, [0.9, 0.8], 0.5)).toBe(2);
    expect(shareStop(1, [0.6, 0.4, 0.39, 0.2], 0.1)).toBe(2);
    expect(shareStop(1, [0.6, 0.4], 0.1)).toBe(2);
  });

  it('end before the first pick that has little to do with the prompt', () => {
    expect(covarianceStop([0.6, 0.3, 0.4], 0.35)).toBe(1);
    expect(covarianceStop([0.6, 0.5], 0.35)).toBe(2);
    expect(covarianceStop([0.2], 0.35)).toBe(0);
    expect(similarityStop([0.6, 0.3, 0.4, 0.2], 0.35)).toBe(3);
    expect(similarityStop([0.2], 0.35)).toBe(0);
  });

  it('are chosen on one half of the runs and evaluated on the other', () => {
    // the third step never helps, and is announced by a similarity below 0.2
    const run = (third: number) => ({
      base: 1,
      similarities: [0.7, 0.5, 0.12],
      row: {
        ...row('x', 'a', [
          [1, 0.9],
          [2, 0.8],
          [3, third],
        ]),
        variances: [0.6, 0.5, 0.49],
        covariances: [0.12, 0.02, 0.00001],
      },
    });
    const held = heldOut([run(0.8), run(0.9), run(0.8), run(0.9)], 3, 0.01);
    expect(held?.chosen.steps).toBe(2);
    // where it is judged, the third step would have lost half of the gain
    expect(held?.judged).toMatchObject({ rule: held?.chosen.rule, steps: 2 });
    expect(held?.judged.gain).toBeCloseTo(0.2, 9);
    expect(held?.full.gain).toBeCloseTo(0.1, 9);
  });
});

describe('a rule against a fixed number of steps', () => {
  it('is interpolated between the fixed numbers that were tried, and unknown beyond them', () => {
    const fixedRules = [1, 2, 4].map((n) => ({ rule: 'fixed', parameter: n, steps: n, gain: n / 10 }));
    expect(stepsFor(0.3, fixedRules)).toBeCloseTo(3, 9);
    expect(stepsFor(0.05, fixedRules)).toBeCloseTo(0.5, 9);
    expect(stepsFor(0.5, fixedRules)).toBeNaN();
  });
});
