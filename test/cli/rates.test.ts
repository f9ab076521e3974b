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
});
