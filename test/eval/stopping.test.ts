// When to stop, judged: what a run tells, that rules see only steps that were made, that nothing is judged on what it was chosen
// on, how a shared budget is dealt out, and that docs/study/stopping.md is what the committed figures give.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { spec } from '../../eval/choose/spec.ts';
import { halves } from '../../eval/figures/halves.ts';
import { judgeAll, judgeRule } from '../../eval/figures/judge-stopping.ts';
import { leastSquares } from '../../eval/figures/least-squares.ts';
import { type LongRun, longRunOf } from '../../eval/figures/long-runs.ts';
import { alongRuns, predictGain } from '../../eval/figures/predict-gain.ts';
import { dealOut, shareSteps, WAYS } from '../../eval/figures/share-steps.ts';
import { FIXED, RULES, type Rule } from '../../eval/figures/stop-rules.ts';
import { type StoppingJson, stoppingPage } from '../../eval/report/stopping-page.ts';
import { full } from '../../eval/run/arms.ts';
import type { ModeRow, Reading } from '../../eval/run/modes.ts';
import { LONGEST, planStopping, READ_AFTER } from '../../eval/run/plan-stopping.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';

const READ = [0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50];

/** A run of 50 steps that gains up to `turn`, and loses as much again after it; its picks say so, with some noise. */
const run = (i: number, turn: number): LongRun => {
  const random = seededRandom(i + 1);
  const gain = (steps: number): number => 0.01 * Math.min(steps, 2 * turn - steps);
  const picks = Array.from({ length: 50 }, (_, k) => k);
  return {
    prompt: String(i),
    domain: i % 2 === 0 ? 'a' : 'b',
    steps: 50,
    differences: picks.map((k) => (k === 0 ? 0 : -0.5 * gain(k) + 0.004 * (random() - 0.5))),
    similarities: picks.map((k) => (k < turn ? 0.6 : 0.15)),
    variances: picks.map((k) => 1 - 0.01 * Math.min(k + 1, turn)),
    read: READ,
    gain,
    promptGain: gain,
  };
};
/** Half of the prompts gain for 50 steps, half for ten. */
const runs = Array.from({ length: 24 }, (_, i) => run(i, i % 4 < 2 ? 50 : 10));

const FEW = { splits: 20, draws: 40 };

const ruleOf = (name: string): Rule => {
  const rule = RULES.find((one) => one.name === name);
  if (rule === undefined) throw new Error(`no rule '${name}'`);
  return rule;
};

describe('a run that was read as it went', () => {
  const reading = (steps: number, text: Reading['text'], bitsPerByte: number): Reading => ({
    steps,
    context: 0,
    text,
    bitsPerByte,
    examples: 0,
    tokens: 0,
  });
  const row: ModeRow = {
    prompt: 'p',
    domain: 'd',
    strategy: 'sift',
    copies: 1,
    tuning: full(1e-3),
    readings: [
      reading(0, 'continuation', 2),
      reading(0, 'prompt', 1),
      reading(2, 'continuation', 1.5),
      reading(2, 'prompt', 1.25),
      reading(4, 'continuation', 1.75),
      reading(4, 'prompt', 1),
    ],
    baseLosses: [3, 3, 3, 3],
    losses: [3, 2.5, 3.5, 2],
    tokens: [],
    ms: [],
    picks: [],
    similarities: [0.5],
    variances: [0.9],
  };

  it('has gains between its readings, and each pick’s loss against the base', () => {
    const known = longRunOf(row);
    expect([0, 1, 2, 3, 4].map((steps) => known?.gain(steps))).toEqual([0, 0.25, 0.5, 0.375, 0.25]);
    expect(known?.promptGain(1)).toBe(-0.125);
    expect(known).toMatchObject({ steps: 4, differences: [0, -0.5, 0.5, -1], read: [0, 2, 4] });
    expect(() => known?.gain(5)).toThrow('no entry 5');
  });

  it('is left out where the base was not read', () => {
    expect(longRunOf({ ...row, readings: row.readings.slice(2) })).toBeUndefined();
  });

  it('is planned with both texts at every reading', () => {
    const prompt = { id: 'p', domain: 'd', group: 'g', prompt: 'p', continuation: 'c', document: 'pc' };
    const defaults = { method: 'lora', rank: 8, learningRate: { full: 1e-4, lora: 1e-3 }, from: 'size' } as const;
    const [task] = planStopping([prompt], defaults);
    expect(task?.points.length).toBe(2 * READ_AFTER.length);
    expect(task).toMatchObject({ baseLosses: true, tuning: { method: 'lora', rank: 8, learningRate: 1e-3 } });
    expect(task?.selection).toEqual(spec('sift', { n: LONGEST }));
  });
});

describe('least squares', () => {
  it('finds the line that points lie on', () => {
    const rows = [0, 1, 2, 3, 4].map((x) => [1, x, 1_000 * x * x]);
    const found = leastSquares(
      rows,
      rows.map(([one = 0, x = 0, square = 0]) => 2 * one - 3 * x + 0.001 * square),
    );
    expect(at(found, 0)).toBeCloseTo(2, 3);
    expect(at(found, 1)).toBeCloseTo(-3, 3);
    expect(at(found, 2)).toBeCloseTo(0.001, 5);
  });
});

describe('a rule', () => {
  it.each(RULES.map((rule) => [rule.name, rule] as const))('%s: looks at no step that it did not make', (_, rule) => {
    for (const parameter of rule.parameters) {
      const stop = rule.stop(parameter, runs);
      for (const one of runs.slice(0, 4)) {
        const steps = stop(one, 50);
        expect(steps).toBeGreaterThanOrEqual(1);
        expect(steps).toBeLessThanOrEqual(50);
        // what the losses and the prompt's bits would have become later must not matter
        const other = {
          ...one,
          differences: one.differences.map((nats, i) => (i < steps ? nats : 7 - nats)),
          promptGain: (n: number) => (n <= steps ? one.promptGain(n) : 7),
          gain: () => Number.NaN,
        };
        expect(stop(other, 50)).toBe(steps);
      }
    }
  });

  it('learns from the runs it is given alone', () => {
    const rule = ruleOf('all signals, learned');
    const [gains, harms] = [runs.filter((_, i) => i % 4 < 2), runs.map((one) => ({ ...one, gain: (n: number) => -n }))];
    expect(rule.stop(0, gains)(at(gains, 0), 50)).toBe(50);
    expect(rule.stop(0, harms)(at(gains, 0), 50)).toBe(5);
  });
});

describe('judging', () => {
  it('halves the prompts of every domain', () => {
    const [one, other] = halves(runs, seededRandom(3));
    expect([one.length, other.length]).toEqual([12, 12]);
    expect(new Set([...one, ...other]).size).toBe(24);
    expect(one.filter(({ domain }) => domain === 'a').length).toBe(6);
  });

  it('finds a rule that knows where each run turns, and puts it ahead of as many fixed steps', () => {
    const { saved, lost, ahead } = judgeRule(ruleOf('similarity'), runs, 50, FEW);
    expect(saved.mean).toBeCloseTo(0.4, 5); // ten steps in place of fifty for half of the prompts
    expect(lost.mean).toBeLessThan(0);
    expect(ahead.low).toBeGreaterThan(0.3);
  });

  it('compares a rule with fixed steps where it makes about three fifths of them, whatever it gains there', () => {
    const { compared } = judgeRule(ruleOf('similarity'), runs, 50, FEW);
    // ten steps for half of the prompts and fifty for the others, against thirty for all
    expect(compared.steps).toBe(30);
    expect(compared.ahead.mean).toBeCloseTo((0.3 - 0.1) / 0.1, 6);
    expect(compared.ahead.low).toBeGreaterThan(0);
  });

  it('has fixed numbers of steps never ahead of themselves', () => {
    const { ahead } = judgeRule(ruleOf(FIXED), runs, 50, FEW);
    for (const value of [ahead.mean, ahead.low, ahead.high]) expect(value).toBeCloseTo(0, 9);
  });

  it('shows a rule that knows nothing to be no better than chance, though one of its parameters suits the half', () => {
    const random = seededRandom(5);
    const noise = new Map(runs.map((one) => [one, Array.from({ length: 60 }, () => 1 + Math.floor(50 * random()))]));
    const blind: Rule = {
      name: 'blind',
      parameters: Array.from({ length: 60 }, (_, i) => i),
      stop: (parameter) => (one) => noise.get(one)?.[parameter] ?? 50,
    };
    const { ahead } = judgeRule(blind, runs, 50, FEW);
    expect(ahead.low).toBeLessThan(0);
  });

  it('has no rule above the bound of hindsight', () => {
    const { rules, bound } = judgeAll(runs, 50, [ruleOf(FIXED), ruleOf('similarity')], FEW);
    const best = Math.max(...bound.map(({ gain }) => gain));
    for (const { curve } of rules) for (const { gain } of curve) expect(gain).toBeLessThanOrEqual(best + 1e-9);
  });
});

describe('predicting the gain', () => {
  it('is perfect for a signal that orders the prompts as their gains do', () => {
    const ordered = Array.from({ length: 12 }, (_, i) => ({ ...run(i, 50), gain: (n: number) => n * i }));
    const told = ordered.map((one, i) => ({ ...one, similarities: one.similarities.map(() => i / 12) }));
    const found = predictGain(told, [10], 50).find(({ signal }) => signal === 'mean similarity');
    expect(found).toMatchObject({ after: 10, total: 50, all: { mean: 1 }, rest: { mean: 1, low: 1 } });
  });

  it('is compared along a run with the number of steps alone', () => {
    const rising = runs.filter((_, i) => i % 4 < 2);
    const [first] = alongRuns(rising, 50);
    expect(first).toMatchObject({ signal: 'the number of steps', value: { mean: 1 } });
  });
});

describe('a shared budget', () => {
  const flat = (slope: number, until: number) => (n: number) => slope * Math.min(n, until);

  it('goes where a step gains most, and no further than anything gains', () => {
    expect(dealOut([flat(2, 6), flat(1, 100), flat(0, 1)], 0, 5, 100)).toEqual([6, 9, 0]);
    expect(dealOut([flat(2, 6), flat(1, 100)], 3, 4, 100)).toEqual([5, 3]);
    expect(dealOut([(n) => -n, flat(1, 3)], 1, 10, 100)).toEqual([1, 3]);
  });

  it('sees a gain that comes late', () => {
    const late = (n: number): number => (n < 8 ? 0 : 16);
    expect(dealOut([late, flat(1, 100)], 0, 5, 100)).toEqual([8, 2]);
  });

  it('pays by a signal that tells who gains, not by one that says the same of all, and never beyond hindsight', () => {
    const ways = WAYS.filter(({ name }) => name.startsWith('mean similarity'));
    const told = runs.map((one, i) => {
      const much = i % 4 < 2;
      return {
        ...one,
        similarities: one.similarities.map(() => (much ? 0.6 : 0.2)),
        gain: (n: number) => (much ? 0.1 : 0.01) * Math.log(1 + n),
      };
    });
    const silent = told.map((one) => ({ ...one, similarities: one.similarities.map(() => 0.5) }));
    const moreOf = (of: readonly LongRun[]) => at(shareSteps(of, 20, ways, FEW).ways, 0).more;
    const [informed, blind] = [moreOf(told), moreOf(silent)];
    const { best } = shareSteps(told, 20, []);
    expect(informed.low).toBeGreaterThan(0);
    expect(informed.mean).toBeLessThanOrEqual(best + 1e-9);
    expect(informed.mean).toBeGreaterThan(0.8 * best);
    expect(blind.mean).toBeCloseTo(0, 6);
  });
});

describe('docs/study/stopping.md', () => {
  const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

  it('is the page of the committed figures; `node eval/stopping.ts --report` writes both', () => {
    const json = JSON.parse(text('eval/results/stop-rules.json')) as StoppingJson; // written by the command
    expect(text('docs/study/stopping.md')).toBe(stoppingPage(json, text('eval/stopping-findings.md')));
    expect(json.prompts).toBeGreaterThan(0);
  });
});
