// Tuning defaults that are set while the gateway serves: by the command line, or by what was measured after the start.
import { expect, it } from 'vitest';
import { registryOf } from '../../gateway/backends/registry.ts';
import { adjustable, withGiven } from '../../gateway/given.ts';
import { modelsResponse } from '../../wire/tune/models.ts';
import { fakeBackend, fakeModel } from './fake-backend.ts';
import { json, request, serve } from './harness.ts';

it('hold for every later request that says auto, and for the list of models', async () => {
  const fake = fakeBackend();
  const { backend, defaultsOf, setDefaults } = adjustable(fake);
  const { call, get } = await serve({ registry: registryOf(backend) });
  await call('/v1/tune', request);
  setDefaults('base', withGiven(defaultsOf('base'), { method: 'lora', rank: 4, learningRate: 1e-3 }, 'given'));
  await call('/v1/tune', request);
  await call('/v1/tune', { ...request, tuning: { method: 'full', learning_rate: 1e-5 } });
  expect(fake.opened.map(({ method, rank, optimiser }) => [method, rank, optimiser.learningRate])).toEqual([
    ['full', 8, 5e-4],
    ['lora', 4, 1e-3],
    ['full', 4, 1e-5],
  ]);
  const { models } = await json(await get('/v1/models'), modelsResponse);
  expect(models[0]?.defaults).toEqual({
    method: 'lora',
    rank: 4,
    learning_rate: { full: 5e-4, lora: 1e-3 },
    from: 'given',
  });
});

it('keep what is not given, and take a rate for the method there is', () => {
  const { defaults } = fakeModel();
  expect(withGiven(defaults, { learningRate: 1e-4 }, 'given')).toEqual({
    method: 'full',
    rank: 8,
    learningRate: { full: 1e-4, lora: 5e-3 },
    from: 'given',
  });
  expect(withGiven(defaults, { method: 'lora' }, 'given').learningRate).toEqual(defaults.learningRate);
  expect(() => adjustable(fakeBackend()).setDefaults('other', defaults)).toThrow("no model 'other'");
});
