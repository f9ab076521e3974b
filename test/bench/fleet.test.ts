// The simulated fleet: nobody is counted twice or not at all, and what can be worked out by hand comes out.
import { describe, expect, it } from 'vitest';
import { type FleetOptions, simulate } from '../../bench/fleet/fleet.ts';
import type { GpuOptions } from '../../bench/fleet/gpu.ts';

const gpu: GpuOptions = { tokenUs: 10, floorMs: 5, decodeMs: 2, budget: 8_192, slots: 64, queue: 32, cached: 100 };
const options: FleetOptions = {
  gpu,
  regions: [2, 2],
  rate: 60,
  selections: 500,
  skew: 1,
  steps: 10,
  exampleTokens: [256, 512],
  generated: 32,
  seconds: 10,
  warmUpSeconds: 5,
  routing: 'remembered',
  detectMs: 2_000,
  crossMs: 80,
  retryShare: 0.1,
  seed: 1,
};

describe('a simulated fleet', () => {
  it.each<[string, Partial<FleetOptions>]>([
    ['as it is', {}],
    ['with too few servers', { regions: [1], rate: 200, gpu: { ...gpu, queue: 4, slots: 8 } }],
    ['that loses a server', { dies: 3 }],
    ['that loses its only server', { dies: 3, regions: [1] }],
    ['without second tries', { dies: 3, retryShare: 0 }],
  ])('counts every prompt once: %s', (_, changes) => {
    const { arrived, answered, refused, failed, firstToken } = simulate({ ...options, ...changes });
    expect(arrived).toBeGreaterThan(100);
    expect(answered + refused + failed).toBe(arrived);
    expect(firstToken).toHaveLength(answered);
  });

  it('is the same for the same seed, and another for another', () => {
    expect(simulate(options)).toEqual(simulate(options));
    expect(simulate({ ...options, seed: 2 }).firstToken).not.toEqual(simulate(options).firstToken);
  });

  it('takes a lone prompt its steps, then a decoding step', () => {
    const alone = { ...options, regions: [1], rate: 0.05, seconds: 300, gpu: { ...gpu, cached: 0 }, skew: 0 };
    const { firstToken, found } = simulate({ ...alone, exampleTokens: [320, 320] });
    // 320 tokens at 10 µs are 3.2 ms, so that each pass takes the least, 5 ms
    for (const ms of firstToken) expect(ms).toBeCloseTo(10 * 5 + 2, 6);
    expect(found).toBe(0);
    const long = simulate({ ...alone, exampleTokens: [640, 640] });
    for (const ms of long.firstToken) expect(ms).toBeCloseTo(10 * 6.4 + 2, 6);
  });

  it('needs no step where the adapter is kept', () => {
    const one = simulate({ ...options, selections: 1, regions: [1], rate: 5 });
    expect(one.found).toBe(one.answered);
    for (const ms of one.firstToken) expect(ms).toBeLessThanOrEqual(4 + 1e-6);
    expect(simulate({ ...options, gpu: { ...gpu, cached: 0 } }).found).toBe(0);
  });

  it('finds more adapters where a prompt is sent to its own server', () => {
    const few = { ...options, gpu: { ...gpu, cached: 40 } };
    const least = simulate({ ...few, routing: 'least loaded' }).found;
    expect(simulate(few).found).toBeGreaterThan(least);
    expect(simulate({ ...few, routing: 'hashed' }).found).toBeGreaterThan(least);
  });

  it('loses nobody with a server while others have room, and says whom it loses without a second try', () => {
    const tried = simulate({ ...options, dies: 3 });
    expect([tried.failed, tried.refused]).toEqual([0, 0]);
    expect(tried.retried).toBeGreaterThan(0);
    expect(simulate({ ...options, dies: 3, retryShare: 0 }).failed).toBeGreaterThan(0);
  });

  it('goes to the other region, at the price of the way, when its own has no room', () => {
    const full = { ...options, regions: [1, 4], rate: 120, gpu: { ...gpu, queue: 2, slots: 4 } };
    const { crossed, refused } = simulate(full);
    expect(crossed).toBeGreaterThan(0);
    expect(refused).toBeLessThan(simulate({ ...full, regions: [1] }).refused);
  });
});
