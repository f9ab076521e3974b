// Adapters that outlive their request: what counts as the same tuning, what is kept how long, and what a caller sees.
import { describe, expect, it } from 'vitest';
import { adapterKey } from '../../gateway/adapters/key.ts';
import { type Adapter, AdapterStore } from '../../gateway/adapters/store.ts';
import { resolveTuning } from '../../gateway/tuning.ts';
import { type TuneRequestInput, tuneRequest } from '../../wire/tune/requests.ts';
import { scoreResponse, tuneResponse } from '../../wire/tune/responses.ts';
import { fakeModel } from './fake-backend.ts';
import { allEvents, json, picks, request, start } from './harness.ts';

const keyOf = (changes: Partial<TuneRequestInput> = {}, model = fakeModel()): string => {
  const parsed = tuneRequest.parse({ ...request, ...changes });
  return adapterKey(parsed.tenant, model, parsed, resolveTuning(model, parsed));
};

describe('the key of an adapter', () => {
  it('is the same for the same work, whatever the prompt, the sampling and the ids are', () => {
    const same = keyOf();
    expect(same).toMatch(/^[0-9a-f]{32}$/);
    expect(keyOf({ prompt: 'another' })).toBe(same);
    expect(keyOf({ sampling: { seed: 7, temperature: 0 }, stream: true })).toBe(same);
    expect(keyOf({ picks: picks.map(({ text }, i) => ({ id: `${i}`, text })) })).toBe(same);
    // what is left to the server counts as what the server makes of it
    expect(keyOf({ tuning: { method: 'full', learning_rate: 5e-4 } })).toBe(same);
    // full fine-tuning begins from the base, whatever the seed and rank
    expect(keyOf({ tuning: { seed: 3, rank: 4 } })).toBe(same);
  });

  it.each<[string, Partial<TuneRequestInput>]>([
    ['the tenant', { tenant: 'other' }],
    ['a text', { picks: [...picks.slice(1), { id: 'one', text: 'One' }] }],
    ['the order of texts', { picks: picks.toReversed() }],
    ['a text more', { picks: [...picks, { id: 'one', text: 'one' }] }],
    ['the method', { tuning: { method: 'lora' } }],
    ['the learning rate', { tuning: { learning_rate: 1e-4 } }],
    ['beta1', { tuning: { beta1: 0.5 } }],
    ['beta2', { tuning: { beta2: 0.5 } }],
    ['epsilon', { tuning: { epsilon: 1e-6 } }],
    ['weight decay', { tuning: { weight_decay: 0.1 } }],
    ['gradient reuse', { tuning: { reuse_gradients: true } }],
    ['the guard', { tuning: { guard: false } }],
  ])('is another with another %s', (_, changes) => {
    expect(keyOf(changes)).not.toBe(keyOf());
  });

  it("is another with another rank or seed of LoRA, and with the model's name or revision", () => {
    const lora = keyOf({ tuning: { method: 'lora' } });
    expect(keyOf({ tuning: { method: 'lora', rank: 4 } })).not.toBe(lora);
    expect(keyOf({ tuning: { method: 'lora', seed: 4 } })).not.toBe(lora);
    expect(keyOf({}, fakeModel({ revision: 'r2' }))).not.toBe(keyOf());
    expect(keyOf({}, fakeModel({ id: 'other' }))).not.toBe(keyOf());
  });

  it('does not mix up neighbouring texts', () => {
    const two = (a: string, b: string) => keyOf({ picks: [a, b].map((text, i) => ({ id: `${i}`, text })) });
    expect(two('ab', 'c')).not.toBe(two('a', 'bc'));
  });
});

describe('the store', () => {
  const released: string[] = [];
  const adapter = (name: string, changes: Partial<Adapter> = {}): Adapter => ({
    tenant: 'a',
    origin: 'space',
    examples: new Set([name]),
    weights: { bytes: 10_000 },
    steps: [],
    guard: null,
    release: () => void released.push(name),
    ...changes,
  });
  const made = (changes: Partial<ConstructorParameters<typeof AdapterStore>[0]> = {}) => {
    released.length = 0;
    const clock = { ms: 0 };
    return { clock, store: new AdapterStore({ maxBytes: 50_000, ttlMs: 1_000, now: () => clock.ms, ...changes }) };
  };

  it('drops the one used longest ago where there is no room', () => {
    const { store } = made();
    for (const name of ['one', 'two', 'three']) store.add(name, adapter(name));
    expect(store.find('one')).toBeDefined();
    store.add('four', adapter('four'));
    expect(released).toEqual(['two']);
    expect([store.size, store.bytes]).toEqual([3, 3 * 14_096]);
  });

  it('takes room from the tenant who holds most, not from one who holds less', () => {
    const { store } = made();
    store.add('other', adapter('other', { tenant: 'b' }));
    for (const name of ['one', 'two', 'three', 'four']) store.add(name, adapter(name));
    expect(store.find('other')).toBeDefined();
    expect(released).toEqual(['one', 'two']);
  });

  it('keeps none that is larger than all room, and none at all where there is no room', () => {
    const { store } = made();
    expect(store.add('large', adapter('large', { weights: { bytes: 46_000 } }))).toBe(false);
    expect(released).toEqual(['large']);
    expect(made({ maxBytes: 0 }).store.add('one', adapter('one'))).toBe(false);
    expect(made({ maxBytes: 0 }).store.maxBytes).toBe(0);
  });

  it('bounds their number, where they have no weights', () => {
    const { store } = made({ most: 2, maxBytes: 1e9 });
    for (const name of ['one', 'two', 'three']) store.add(name, adapter(name, { weights: undefined }));
    expect(released).toEqual(['one']);
    expect(store.size).toBe(2);
  });

  it('ends one after its time, however often it was found', () => {
    const { store, clock } = made();
    store.add('one', adapter('one'));
    clock.ms = 900;
    expect(store.find('one')).toBeDefined();
    clock.ms = 1_001;
    expect(store.find('one')).toBeUndefined();
    expect(released).toEqual(['one']);
    store.add('two', adapter('two'));
    clock.ms = 3_000;
    store.sweep();
    expect([store.size, store.bytes]).toEqual([0, 0]);
  });

  it('releases what another of the same key takes the place of, once', () => {
    const { store } = made();
    store.add('one', adapter('one'));
    store.add('one', adapter('one again'));
    expect(released).toEqual(['one']);
    store.clear();
    expect(released).toEqual(['one', 'one again']);
  });

  it("forgets what was made of an example, and all of a corpus, but no other tenant's or corpus'", () => {
    const { store } = made({ maxBytes: 1e9 });
    store.add('1', adapter('x'));
    store.add('2', adapter('xy', { examples: new Set(['x', 'y']) }));
    store.add('3', adapter('y'));
    store.add('4', adapter('of b', { tenant: 'b', examples: new Set(['x']) }));
    store.add('5', adapter('elsewhere', { origin: 'elsewhere', examples: new Set(['x']) }));
    expect(store.forget({ tenant: 'a', origin: 'space', examples: ['x', 'z'] })).toBe(2);
    expect(released).toEqual(['x', 'xy']);
    expect(store.forget({ tenant: 'a', origin: 'space' })).toBe(1);
    expect(store.size).toBe(2);
  });
});

const KEEPS = { keptBytes: 1_000 };

describe('a request whose selection was tuned on before', () => {
  it('makes no step again, answers as if it had, and says so', async () => {
    const { backend, call } = await start(KEEPS);
    const first = await json((await call('/v1/tune', request)).response, tuneResponse);
    const id = first.usage.tuning.adapter?.id ?? '';
    expect(first.usage.tuning.adapter).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), reused: false });
    const again = { ...request, prompt: 'Go on', sampling: { temperature: 0 } };
    const second = await json((await call('/v1/tune', again)).response, tuneResponse);
    expect(second.usage).toMatchObject({ steps: 0, tuning_tokens: 0, tuning: { adapter: { id, reused: true } } });
    expect(second.steps).toEqual(first.steps);
    expect(second.usage.tuning.guard).toEqual(first.usage.tuning.guard);
    expect(backend.log).toEqual([
      'step one',
      'step two',
      'step three',
      'generate Say 1',
      'keep 3',
      'resume 3',
      'generate Go on 0',
    ]);
    expect(backend.live()).toBe(0);
  });

  it('streams that, and the steps that it stands for, in place of steps', async () => {
    const { call } = await start(KEEPS);
    const streamed = { ...request, stream: true };
    const first = await allEvents((await call('/v1/tune', streamed)).response);
    const second = await allEvents((await call('/v1/tune', streamed)).response);
    expect(first.map(({ event }) => event)).toEqual([
      'step',
      'step',
      'step',
      'token',
      'token',
      'finish',
      'usage',
      'done',
    ]);
    expect(second.map(({ event }) => event)).toEqual(['adapter', 'token', 'token', 'finish', 'usage', 'done']);
    const steps = first.flatMap((event) => (event.event === 'step' ? [event.step] : []));
    expect(second[0]).toMatchObject({ event: 'adapter', adapter: { reused: true, steps } });
  });

  it('is served by what a score has learnt, and the other way round', async () => {
    const { backend, call } = await start(KEEPS);
    const scored = { model: 'base', context: 'c', text: 'text', picks };
    const first = await json((await call('/v1/score', scored)).response, scoreResponse);
    const second = await json((await call('/v1/score', scored)).response, scoreResponse);
    expect(second.after).toEqual(first.after);
    expect(second.before).toEqual(first.before);
    expect(second.tuning.adapter).toEqual({ ...first.tuning.adapter, reused: true });
    await (await call('/v1/tune', request)).response.text();
    expect(backend.log.filter((line) => line.startsWith('step'))).toHaveLength(3);
  });

  it('tunes anew for another tenant, where the request says so, and where nothing was to learn from', async () => {
    const { backend, call } = await start(KEEPS);
    await (await call('/v1/tune', request)).response.text();
    await (await call('/v1/tune', { ...request, tenant: 'other' })).response.text();
    const fresh = { ...request, tuning: { reuse_adapter: false } };
    const third = await json((await call('/v1/tune', fresh)).response, tuneResponse);
    expect(third.usage.tuning.adapter).toBeNull();
    expect(backend.log.filter((line) => line.startsWith('step'))).toHaveLength(9);
    expect(backend.log.filter((line) => line.startsWith('resume'))).toEqual([]);
    expect(backend.kept.size).toBe(2);
    const none = await json((await call('/v1/tune', { ...request, picks: [] })).response, tuneResponse);
    expect(none.usage.tuning.adapter).toBeNull();
    expect(backend.kept.size).toBe(2);
  });

  it('tunes again where the backend has lost what was kept, and keeps that', async () => {
    const { backend, call } = await start(KEEPS);
    await (await call('/v1/tune', request)).response.text();
    backend.kept.clear();
    const second = await json((await call('/v1/tune', request)).response, tuneResponse);
    expect(second.usage).toMatchObject({ steps: 3, tuning: { adapter: { reused: false } } });
    const third = await json((await call('/v1/tune', request)).response, tuneResponse);
    expect(third.usage).toMatchObject({ steps: 0, tuning: { adapter: { reused: true } } });
  });

  it('keeps that the guard went back to the base, too: no step is wasted twice', async () => {
    const harm = { ...KEEPS, lossOf: (_: string, steps: number) => 2 + steps };
    const { backend, call } = await start(harm);
    const many = { ...request, picks: Array.from({ length: 8 }, (_, i) => ({ id: `${i}`, text: `text ${i}` })) };
    const first = await json((await call('/v1/tune', many)).response, tuneResponse);
    expect(first.usage.tuning.guard).toMatchObject({ outcome: 'base', kept_steps: 0 });
    const made = backend.log.filter((line) => line.startsWith('step')).length;
    const second = await json((await call('/v1/tune', many)).response, tuneResponse);
    expect(second.usage).toMatchObject({ steps: 0, tuning: { adapter: { reused: true }, guard: { outcome: 'base' } } });
    expect(second.steps).toEqual([]);
    expect(backend.log.filter((line) => line.startsWith('step'))).toHaveLength(made);
    expect(backend.kept.size).toBe(0);
  });

  it('is no longer served once one of its examples is deleted', async () => {
    const { backend, call } = await start(KEEPS);
    const from = { ...request, origin: 'space' };
    await (await call('/v1/tune', from)).response.text();
    const other = { tenant: 'other', origin: 'space', examples: ['one'] };
    expect(await (await call('/v1/forget', other)).response.json()).toEqual({ adapters: 0 });
    const forget = { tenant: 'default', origin: 'space', examples: ['two'] };
    expect(await (await call('/v1/forget', forget)).response.json()).toEqual({ adapters: 1 });
    expect(backend.kept.size).toBe(0);
    const second = await json((await call('/v1/tune', from)).response, tuneResponse);
    expect(second.usage.steps).toBe(3);
    expect(await (await call('/v1/forget', { tenant: 'default', origin: 'space' })).response.json()).toEqual({
      adapters: 1,
    });
  });

  it('fails without harm to what is kept where resuming fails, and keeps nothing where keeping does', async () => {
    const { backend, call } = await start({ ...KEEPS, failAt: 'keep' });
    const first = await json((await call('/v1/tune', request)).response, tuneResponse);
    expect(first.usage.tuning.adapter).toBeNull();
    expect(first.choices[0]?.text).toBe('Hello');
    expect(backend.kept.size).toBe(0);
    const broken = await start({ ...KEEPS, failAt: 'resume' });
    await (await broken.call('/v1/tune', request)).response.text();
    const second = await json((await broken.call('/v1/tune', request)).response, tuneResponse);
    expect(second.usage).toMatchObject({ steps: 3, tuning: { adapter: { reused: false } } });
  });

  it.each([
    ['far from its deadline', 60_000],
    ['near its deadline', 2_000],
  ])('is answered whole where keeping hangs, %s', async (_, deadlineMs) => {
    const { backend, call } = await start(KEEPS, { deadlineMs });
    backend.pauseAt('keep');
    const answer = await json((await call('/v1/tune', request)).response, tuneResponse);
    expect([answer.choices[0]?.text, answer.usage.tuning.adapter]).toEqual(['Hello', null]);
    backend.pauseAt('keep');
    const seen = await allEvents((await call('/v1/tune', { ...request, stream: true })).response);
    expect(seen.slice(-2).map(({ event }) => event)).toEqual(['usage', 'done']);
    await backend.ended();
    expect(backend.kept.size).toBe(0);
  });

  it('keeps nothing of a backend that keeps nothing, or beyond the room there is', async () => {
    for (const { call } of [await start(), await start(KEEPS, { adapters: { maxBytes: 0 } })]) {
      await (await call('/v1/tune', request)).response.text();
      const second = await json((await call('/v1/tune', request)).response, tuneResponse);
      expect(second.usage).toMatchObject({ steps: 3, tuning: { adapter: null } });
    }
  });

  it('frees everything kept when the gateway closes', async () => {
    const { backend, call, gateway } = await start(KEEPS);
    await (await call('/v1/tune', request)).response.text();
    expect(backend.kept.size).toBe(1);
    await gateway.close();
    expect(backend.kept.size).toBe(0);
  });

  it('counts them for the operator', async () => {
    const { call, get } = await start(KEEPS);
    await (await call('/v1/tune', request)).response.text();
    await (await call('/v1/tune', request)).response.text();
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('sift_gateway_adapters_total{backend="embedded",outcome="made"} 1');
    expect(metrics).toContain('sift_gateway_adapters_total{backend="embedded",outcome="found"} 1');
    expect(metrics).toMatch(/sift_gateway_adapter_bytes 5096/);
    expect(metrics).toContain('sift_gateway_steps_total{backend="embedded"} 3');
  });
});
