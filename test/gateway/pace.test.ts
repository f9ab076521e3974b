// The estimate of a model's time from its own work, and what follows from it: who is refused, and how long work may take.
import { describe, expect, it } from 'vitest';
import { type Outline, Pace } from '../../gateway/pace.ts';
import { PACE_LEAST, PACE_LEAST_MS } from '../../wire/limits.ts';
import { seededRandom } from '../../wire/random.ts';

const FULL = 'full';
const outline = (changes: Partial<Outline> = {}): Outline => ({
  method: FULL,
  steps: Array.from({ length: 50 }, () => 100),
  reused: 0,
  read: [],
  generated: 0,
  ...changes,
});
const DEADLINE = 60_000;

/** Has seen so many steps, each of some milliseconds. */
const taught = (
  samples: number,
  ms: (units: number, i: number) => number,
  units = (i: number) => 50 + (i % 11) * 20,
) => {
  const pace = new Pace();
  for (let i = 0; i < samples; i++) pace.step(FULL, units(i), ms(units(i), i));
  return pace;
};

describe('a request that cannot end in time', () => {
  it('is refused with the numbers once enough steps were measured, and not before', () => {
    const slow = (units: number) => 400 + 10 * units;
    expect(taught(PACE_LEAST - 1, slow).beyond(outline(), DEADLINE)).toBeUndefined();
    expect(new Pace().beyond(outline(), 1)).toBeUndefined();
    const fault = taught(PACE_LEAST, slow).beyond(outline(), DEADLINE);
    expect(fault).toMatchObject({ kind: 'beyond_deadline', steps: 50, deadlineMs: DEADLINE, most: 38 });
    expect(fault?.stepMs).toBeCloseTo(1_400, 6);
  });

  it('is judged by the length of its own texts', () => {
    const pace = taught(40, (units) => 400 + 10 * units);
    expect(pace.beyond(outline({ steps: Array.from({ length: 50 }, () => 60) }), DEADLINE)).toBeUndefined();
    expect(pace.beyond(outline({ steps: Array.from({ length: 50 }, () => 200) }), DEADLINE)).toBeDefined();
  });

  it('counts reading, where that was measured', () => {
    const pace = taught(40, () => 1_000);
    const asked = outline({ steps: Array.from({ length: 20 }, () => 100), read: [10_000] });
    expect(pace.beyond(asked, DEADLINE)).toBeUndefined();
    for (let i = 0; i < PACE_LEAST; i++) pace.read(1_000 + 500 * i, 5 * (1_000 + 500 * i));
    expect(pace.beyond(asked, DEADLINE)).toMatchObject({ steps: 20, most: 4 });
    expect(pace.beyond(outline({ steps: [], read: [10_000, 10_000] }), DEADLINE)).toMatchObject({ steps: 0, most: 0 });
  });

  it('is not one that may end early, reuses gradients, or is of another method', () => {
    const pace = taught(40, () => 2_000);
    for (let i = 0; i < 40; i++) pace.generated(100, 10_000);
    expect(pace.beyond(outline({ steps: [], generated: 2_000 }), DEADLINE)).toBeUndefined();
    expect(pace.beyond(outline({ steps: [100, 100], reused: 48 }), DEADLINE)).toBeUndefined();
    expect(pace.beyond(outline({ method: 'lora 8' }), DEADLINE)).toBeUndefined();
  });

  it('never is one that would have ended, however steps scatter and whatever the first ones cost', () => {
    const random = seededRandom(3);
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const [fixed, slope, noise] = [1_000 * random(), 20 * random(), 0.5 * random()];
      const time = (units: number): number => (fixed + slope * units) * (1 + noise * (2 * random() - 1));
      // some steps compile their graph
      const pace = taught(30 + Math.floor(40 * random()), (units, i) => time(units) + (i % 9 === 0 ? 4_000 : 0));
      const steps = Array.from({ length: 1 + Math.floor(120 * random()) }, () => 50 + Math.floor(200 * random()));
      const actual = steps.reduce((sum, units) => sum + time(units), 0);
      const isRefused = pace.beyond(outline({ steps }), DEADLINE) !== undefined;
      if (actual <= DEADLINE) expect(isRefused, `${actual} ms`).toBe(false);
      if (actual > 2.5 * DEADLINE) expect(isRefused, `${actual} ms`).toBe(true);
      if (isRefused) refused += 1;
    }
    expect(refused).toBeGreaterThan(30);
  });

  it('is not judged by steps of other lengths: short texts say nothing of long ones, long ones little of short', () => {
    const pace = taught(
      40,
      () => 2_000,
      () => 400,
    );
    expect(pace.beyond(outline({ steps: Array.from({ length: 50 }, () => 20) }), DEADLINE)).toBeUndefined();
    expect(pace.beyond(outline({ steps: Array.from({ length: 50 }, () => 800) }), DEADLINE)?.stepMs).toBe(2_000);
  });

  it('follows a machine that has become faster', () => {
    const pace = taught(100, () => 3_000);
    expect(pace.beyond(outline(), DEADLINE)).toBeDefined();
    for (let i = 0; i < 10; i++) pace.step(FULL, 50 + i * 20, 300);
    expect(pace.beyond(outline(), DEADLINE)).toBeUndefined();
  });
});

describe('the advice', () => {
  it('is a number of picks that is taken, and one more than a little is not', () => {
    const pace = taught(40, () => 1_400);
    const most = pace.beyond(outline(), DEADLINE)?.most ?? 0;
    expect(most).toBe(38);
    const asked = (n: number) => pace.beyond(outline({ steps: Array.from({ length: n }, () => 100) }), DEADLINE);
    expect(asked(most)).toBeUndefined();
    expect(asked(Math.ceil(1.4 * most))).toBeDefined();
  });
});

describe('the time that work may take', () => {
  it('is the deadline until every part of it was measured, and some times the estimate from then on', () => {
    const pace = taught(40, () => 1_000);
    const asked = outline({ steps: Array.from({ length: 20 }, () => 100), read: [500], generated: 50 });
    expect(pace.limitMs(asked, 200_000)).toBe(200_000);
    for (let i = 0; i < PACE_LEAST; i++) pace.read(500, 100);
    expect(pace.limitMs(asked, 200_000)).toBe(200_000);
    for (let i = 0; i < PACE_LEAST; i++) pace.generated(50, 200);
    expect(pace.limitMs(asked, 200_000)).toBeCloseTo(8 * 20_300, 6);
    expect(pace.limitMs({ ...asked, steps: [100] }, 200_000)).toBe(PACE_LEAST_MS);
    expect(pace.limitMs({ ...asked, steps: [100] }, 5_000)).toBe(5_000);
    expect(pace.limitMs(outline(), DEADLINE)).toBe(DEADLINE);
  });

  it('leaves room for the slowest tenth', () => {
    const pace = taught(
      60,
      (_, i) => (i % 5 === 0 ? 4_000 : 1_000),
      () => 100,
    );
    expect(pace.limitMs(outline({ steps: [100, 100] }), 1e9)).toBeCloseTo(8 * 8_000, 6);
  });
});
