// What a request leaves to the server is filled in from the model; what it says is kept.
import { describe, expect, it } from 'vitest';
import type { TuningDefaults } from '../../gateway/backends/contract.ts';
import { resolveTuning, tunedOnWire } from '../../gateway/tuning.ts';
import { tuning } from '../../wire/tune/requests.ts';

const defaults: TuningDefaults = {
  method: 'lora',
  rank: 32,
  learningRate: { full: 5e-5, lora: 1e-3 },
  from: 'measured',
};
const capabilities = {
  methods: ['full', 'lora'] as const,
  maxRank: 64,
  logprobs: false,
  topLogprobs: 0,
  penalties: false,
  streaming: true,
  pipelined: false,
};
const picks = [{ id: 'a', text: 'a' }];
const resolved = (asked: object, model: object = {}, steps = picks) =>
  resolveTuning({ capabilities, defaults, ...model }, { tuning: tuning.parse(asked), picks: steps, use: 'tune' });

describe('what a request leaves to the server', () => {
  it('is the model’s own method, rank and rate', () => {
    expect(resolved({})).toEqual({ method: 'lora', rank: 32, learningRate: 1e-3 });
    expect(resolved({ method: 'auto', learning_rate: 'auto' })).toEqual(resolved({}));
  });

  it('is the rate of the method that was asked for', () => {
    expect(resolved({ method: 'full' })).toMatchObject({ method: 'full', learningRate: 5e-5 });
  });

  it('is never a rank beyond what the model can', () => {
    expect(resolved({}, { capabilities: { ...capabilities, maxRank: 16 } }).rank).toBe(16);
  });

  it('keeps what was said, one by one', () => {
    expect(resolved({ rank: 4 })).toEqual({ method: 'lora', rank: 4, learningRate: 1e-3 });
    expect(resolved({ learning_rate: 0.01 })).toEqual({ method: 'lora', rank: 32, learningRate: 0.01 });
    expect(resolved({ method: 'full', rank: 4, learning_rate: 0.01 })).toEqual({
      method: 'full',
      rank: 4,
      learningRate: 0.01,
    });
  });

  it('without steps is any method that the model has', () => {
    const only = { capabilities: { ...capabilities, methods: ['lora'] as const } };
    expect(resolved({ method: 'full' }, only, []).method).toBe('lora');
    expect(resolved({ method: 'full' }, only).method).toBe('full');
  });

  it('is told to the caller, the rank for LoRA only', () => {
    expect(tunedOnWire(resolved({}), null, null)).toEqual({
      method: 'lora',
      rank: 32,
      learning_rate: 1e-3,
      guard: null,
      adapter: null,
    });
    expect(tunedOnWire(resolved({ method: 'full' }), null, null)).toEqual({
      method: 'full',
      rank: null,
      learning_rate: 5e-5,
      guard: null,
      adapter: null,
    });
  });
});
