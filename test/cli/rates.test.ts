// The choice of a learning rate from what some rates did to some documents.
import { describe, expect, it } from 'vitest';
import { choose, summaryOf, type Tried } from '../../cli/rates.ts';

const tried = (learningRate: number, ...saved: number[]): Tried => ({
  method: 'full',
  learningRate,
  before: saved.map(() => 2),
  after: saved.map((share) => 2 * (1 - share)),
});

describe('what a rate did', () => {
  it('is the mean share of bits saved, its standard error, and how many documents it made worse', () => {
    const { saved, error, worse } = summaryOf(tried(1e-3, 0.1, 0.3, -0.02, -0.005));
    expect(saved).toBeCloseTo(0.09375, 6);
    expect(error).toBeCloseTo(0.07375, 6);
    expect(worse).toBe(1);
  });
});

describe('the choice', () => {
  it('is the best rate when the others are clearly worse', () => {
    const rates = [tried(1e-4, 0.01, 0.011), tried(2e-4, 0.1, 0.101), tried(1e-3, -0.2, -0.21)];
    expect(choose(rates)?.learningRate).toBe(2e-4);
  });

  it('is the smaller of two rates that cannot be told apart', () => {
    const rates = [tried(1e-4, 0.1, 0.2, 0.05), tried(5e-4, 0.11, 0.21, 0.05)];
    expect(choose(rates)?.learningRate).toBe(1e-4);
  });

  it('is none when every rate makes the model worse', () => {
    expect(choose([tried(1e-4, -0.01, 0.005), tried(1e-3, -0.3, -0.2)])).toBeUndefined();
    expect(choose([])).toBeUndefined();
  });

  it('never is a rate at which the weights overflowed on some document', () => {
    const overflowed = { ...tried(1, 0.5, 0.5), after: [0.5, Number.POSITIVE_INFINITY] };
    expect(choose([overflowed, tried(1e-4, 0.01, 0.02)])?.learningRate).toBe(1e-4);
  });

  it('does not take a smaller rate of another method', () => {
    const lora = { ...tried(1e-5, 0.1, 0.1), method: 'lora' as const };
    expect(choose([lora, tried(5e-4, 0.2, 0.21)])).toMatchObject({ method: 'full', learningRate: 5e-4 });
  });

  it('is a rate whose saving is significantly above zero, before one that saves more on average by luck', () => {
    const lucky = tried(1e-3, 0.5, -0.005, -0.005, 0.1);
    const sure = tried(2e-4, 0.04, 0.05, 0.05, 0.06);
    expect(choose([sure, lucky])).toMatchObject({ learningRate: 2e-4, isCertain: true });
    expect(choose([lucky])).toMatchObject({ learningRate: 1e-3, isCertain: false });
  });

  it('never is one that made documents worse more often than a smaller rate, whatever it saves', () => {
    const safe = tried(1e-4, 0.01, 0.011, 0.012, 0.01);
    const bold = tried(1e-3, 0.3, 0.4, 0.35, -0.02);
    expect(choose([safe, bold])?.learningRate).toBe(1e-4);
    // a little worse is noise, and a smaller rate may do harm as often
    expect(choose([safe, tried(1e-3, 0.3, 0.4, 0.35, 0.3)])?.learningRate).toBe(1e-3);
    expect(choose([tried(1e-4, 0.1, -0.02, 0.1), tried(1e-3, 0.3, -0.02, 0.31)])?.learningRate).toBe(1e-4);
    // nor does a smaller rate that saves nothing make one fit that harms
    expect(choose([tried(1e-5, -0.001, 0, 0, 0), bold])).toBeUndefined();
  });

  it('stays at the rate that was there while nothing is certain, unless that one did harm', () => {
    const rates = [tried(1e-4, 0.02, -0.005), tried(3e-4, 0.03, -0.006), tried(1e-3, 0.04, -0.007)];
    const there = { method: 'full', learningRate: 3e-4 } as const;
    expect(choose(rates, there)).toMatchObject({ learningRate: 3e-4, isCertain: false });
    expect(choose(rates)?.learningRate).toBe(1e-4);
    const harmed = [tried(1e-4, 0.02, -0.005), tried(3e-4, 0.03, -0.02), tried(1e-3, 0.04, -0.03)];
    expect(choose(harmed, there)?.learningRate).toBe(1e-4);
    expect(choose(rates, { ...there, learningRate: 7e-4 })?.learningRate).toBe(1e-4);
  });

  it('takes one document for what it is: no evidence for leaving the rate that was there, some against it', () => {
    const there = { method: 'full', learningRate: 3e-4 } as const;
    expect(choose([tried(1e-4, 0.01), tried(3e-4, 0.02), tried(1e-3, 0.5)], there)).toMatchObject({
      learningRate: 3e-4,
      isCertain: false,
    });
    expect(choose([tried(1e-4, 0.01), tried(3e-4, -0.05), tried(1e-3, -0.5)], there)?.learningRate).toBe(1e-4);
  });

  it('can be made from more documents than the table of t has rows', () => {
    const many = Array.from({ length: 40 }, (_, i) => 0.05 + 0.01 * (i % 3));
    expect(choose([tried(1e-4, ...many)])).toMatchObject({ learningRate: 1e-4, isCertain: true });
  });
});
