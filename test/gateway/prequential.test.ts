// The guard's policy: from the differences of the picks so far to what becomes of the steps.
import { describe, expect, it } from 'vitest';
import { type Attempt, afterStep, atEnd, prequentialGain } from '../../gateway/prequential.ts';
import {
  GUARD_EARLY_NATS,
  GUARD_END_NATS,
  GUARD_LAST_PART_NATS,
  GUARD_MAX_RESTARTS,
  GUARD_MOST_GAIN_NATS,
  MIN_LEARNING_RATE,
} from '../../wire/limits.ts';

const RATE = 3e-3;
const LITTLE = 1e-6;
/** An attempt whose new picks differed so from step 2 on; the first pick's difference is 0. */
const attempt = (nats: readonly number[], changes: Partial<Attempt> = {}): Attempt => ({
  learningRate: RATE,
  steps: 10,
  differences: [0, ...nats].map((one, i) => ({ step: i + 1, nats: one })),
  restarts: 0,
  lateRestarts: 0,
  fits: () => true,
  ...changes,
});
const lower = { kind: 'lower', learningRate: RATE / 3 };
const late = { ...lower, late: true };
const early = { ...lower, late: false };
const base = { kind: 'base' };
const on = { kind: 'continue' };
const cut = (steps: number) => ({ kind: 'cut', steps });

describe('the prequential gain', () => {
  it('is the mean over the picks after the first, and nothing before there is one', () => {
    expect(prequentialGain(attempt([-0.05, -0.07]).differences)).toBeCloseTo(-0.06);
    expect(prequentialGain(attempt([]).differences)).toBeUndefined();
    expect(prequentialGain([])).toBeUndefined();
  });

  it('counts no gain beyond the most that a pick may count, and every loss', () => {
    const [much, more] = [-10, -20].map((nats) => prequentialGain(attempt([nats, 0.5]).differences));
    expect(much).toBe(more);
    expect(much).toBeCloseTo((0.5 - GUARD_MOST_GAIN_NATS) / 2);
  });
});

describe('after a step', () => {
  it.each<[string, number[], object]>([
    ['the first, nothing is known', [], on],
    ['that helped, it goes on', [-0.1], on],
    ['that cost as much as chance may', [2 * GUARD_EARLY_NATS - LITTLE], on],
    ['that cost a lot, the rate is lowered at once', [2 * GUARD_EARLY_NATS + LITTLE], early],
    ['two picks are looked at together', [GUARD_EARLY_NATS, GUARD_EARLY_NATS + LITTLE], early],
    ['one bad pick among good ones is no divergence', [-0.1, 0.2, -0.1], on],
    ['bad picks after many good ones wait for the end', [-0.1, -0.1, -0.1, 0.05, 0.1], on],
    ['bad picks that outweigh the good ones do not', [-0.1, 0.2, 0.3], early],
    ['a loss that is no number lowers the rate', [-0.2, -0.2, -0.2, Number.POSITIVE_INFINITY], early],
  ])('%s', (_, nats, verdict) => {
    expect(afterStep(attempt(nats))).toMatchObject(verdict);
  });

  it('takes the third too large rate for the last: back to the base', () => {
    for (let restarts = 0; restarts <= GUARD_MAX_RESTARTS; restarts++) {
      expect(afterStep(attempt([1], { restarts })).kind).toBe(restarts < GUARD_MAX_RESTARTS ? 'lower' : 'base');
    }
  });

  it('says what was seen, in one sentence', () => {
    const [seen, noNumber] = [afterStep(attempt([0.5, 0.25])), afterStep(attempt([Number.POSITIVE_INFINITY]))];
    expect(seen).toMatchObject({
      reason: 'the last 2 picks cost 0.375 nats a token more than under the base weights at learning_rate 0.003',
    });
    expect(noNumber).toMatchObject({ reason: 'the loss of step 2 is no finite number at learning_rate 0.003' });
  });
});

describe('after the last step', () => {
  const harm = GUARD_END_NATS + 0.01;
  it.each<[string, number[], object]>([
    ['steps that helped are kept', [-0.1, -0.2, -0.3], on],
    ['steps that made no difference are kept', [GUARD_END_NATS, GUARD_END_NATS], on],
    ['steps that cost a little are made again at a lower rate', [harm, harm], late],
    ['a few bad picks among good ones are kept', [-0.1, 0.05, -0.1, 0.05, -0.1], on],
    ['one bad pick at the end is kept', [-0.1, -0.1, -0.1, 0.1], on],
    ['two bad picks at the end cut the steps', [-0.1, -0.1, -0.1, 0.1, 0.1], cut(3)],
    ['also where they outweigh the good ones', [-0.1, -0.1, 0.3, 0.3, 0.3], cut(2)],
    ['a last part that is hardly worse is kept', [-0.1, -0.1, ...Array(3).fill(GUARD_LAST_PART_NATS - LITTLE)], on],
    ['a near copy that gained a lot hides no harm to the others', [-1.3, 0.1, 0.1, 0.1], late],
    ['one good pick alone is no good part', [-0.1, 0.2, 0.2, 0.2], late],
    ['a first part that hardly helped is no good part', [-0.001, -0.001, 0.1, 0.1], late],
  ])('%s', (_, nats, verdict) => {
    expect(atEnd(attempt(nats))).toMatchObject(verdict);
  });

  it('makes the steps again once only, whatever came before', () => {
    const nats = [harm, harm];
    expect(atEnd(attempt(nats, { restarts: 1, lateRestarts: 0 }))).toMatchObject(late);
    expect(atEnd(attempt(nats, { restarts: 1, lateRestarts: 1 }))).toMatchObject(base);
    expect(atEnd(attempt(nats, { restarts: GUARD_MAX_RESTARTS, lateRestarts: 0 }))).toMatchObject(base);
  });

  it('goes to the base where no lower rate is left', () => {
    expect(atEnd(attempt([harm, harm], { learningRate: MIN_LEARNING_RATE }))).toMatchObject(base);
    expect(afterStep(attempt([1], { learningRate: MIN_LEARNING_RATE }))).toMatchObject(base);
  });

  it('counts steps, not picks, where some picks were not new', () => {
    const differences = [1, 2, 4, 6, 8].map((step, i) => ({ step, nats: [0, -0.08, -0.08, 0.2, 0.2][i] ?? 0 }));
    // the pick of step 4 was helped by the three steps before it
    expect(atEnd(attempt([], { differences }))).toMatchObject({ ...cut(3), prequential: -0.08 });
  });
});

describe('without time to make steps again', () => {
  const fits = (most: number) => (steps: number) => steps <= most;
  it('a rate that is too large goes to the base, and says so', () => {
    const verdict = afterStep(attempt([1], { fits: fits(9) }));
    expect(verdict).toMatchObject({ ...base, reason: expect.stringContaining('no time left') });
    expect(atEnd(attempt([0.1, 0.1], { fits: fits(9) }))).toMatchObject(base);
    expect(atEnd(attempt([0.1, 0.1], { fits: fits(10) }))).toMatchObject(late);
  });

  it('steps to be cut are kept where they helped in all, and undone where they did not', () => {
    const [helped, harmed] = [
      [-0.09, -0.09, 0.03, 0.03],
      [-0.1, -0.1, 0.3, 0.3],
    ];
    expect(atEnd(attempt(helped ?? [], { fits: fits(2) }))).toMatchObject(cut(2));
    expect(atEnd(attempt(helped ?? [], { fits: fits(1) }))).toMatchObject({
      ...on,
      reason: expect.stringContaining('no time left'),
    });
    expect(atEnd(attempt(harmed ?? [], { fits: fits(1) }))).toMatchObject(base);
  });
});
