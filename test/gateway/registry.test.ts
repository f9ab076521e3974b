// Which backend serves a model, and what is an error at start.
import { describe, expect, it } from 'vitest';
import { createRegistry, registryOf } from '../../gateway/backends/registry.ts';
import { fakeBackend, fakeModel } from './fake-backend.ts';

const withModels = (...ids: string[]) => fakeBackend({ models: ids.map((id) => fakeModel({ id })) });

describe('the registry of backends', () => {
  it('finds the backend of a model and lists the models of all', () => {
    const [cpu, gpu] = [withModels('small', 'tiny'), withModels('large')];
    const registry = createRegistry({ cpu, gpu });
    expect(registry.models.map(({ id }) => id)).toEqual(['small', 'tiny', 'large']);
    expect(registry.find('large')).toMatchObject({ ok: true, value: { name: 'gpu', model: { id: 'large' } } });
    expect(registry.find('gpt')).toEqual({
      ok: false,
      fault: { kind: 'unknown_model', model: 'gpt', known: ['small', 'tiny', 'large'] },
    });
    expect(registry.find('constructor').ok).toBe(false);
  });

  it('refuses two that claim one model', () => {
    expect(() => createRegistry({ cpu: withModels('a', 'base'), gpu: withModels('base') })).toThrow(
      "backends 'cpu' and 'gpu' both have a model named 'base'",
    );
    expect(() => registryOf(withModels('base', 'base'))).toThrow("backend 'embedded' has two models named 'base'");
  });

  it('refuses a name that is not fit for metrics', () => {
    expect(() => createRegistry({ 'a "b"': withModels('base') })).toThrow('a backend is named \'a "b"\'');
  });
});
