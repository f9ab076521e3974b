// The Durable Objects behind keys, budgets and repeated requests, each on its own: what they hold, and what meets in them.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KeyRingMethods, StoredKey } from '../../functions/auth/contract.ts';
import type { IdempotencyMethods, KeptAnswer } from '../../functions/idempotency/contract.ts';
import type { Account, MeterMethods } from '../../functions/limits/contract.ts';
import { IDEMPOTENCY_LEASE_MS, IDEMPOTENCY_MS, MAX_KEYS } from '../../wire/limits.ts';
import { load, type ObjectClass } from './durable.ts';
import { FakeStorage, fakeState } from './objects.ts';

vi.mock('cloudflare:workers', () => import('./durable.ts'));
const { KeyRing } = (await load('../../functions/auth/ring.ts')) as { KeyRing: ObjectClass<KeyRingMethods> };
const { Meter } = (await load('../../functions/limits/meter.ts')) as { Meter: ObjectClass<MeterMethods> };
const { Idempotency } = (await load('../../functions/idempotency/object.ts')) as {
  Idempotency: ObjectClass<IdempotencyMethods & { alarm(): Promise<void> }>;
};

const START = Date.parse('2026-11-26T12:00:00Z');
let storage: FakeStorage;
beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ['Date'] });
  storage = new FakeStorage();
});
afterEach(() => vi.useRealTimers());
const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe('the keys of a tenant', () => {
  const key = (id: string): StoredKey => ({
    ...{ id, tenant: 'acme', name: null, scopes: ['read'], corpora: 'all', rates: {}, budgets: {}, digest: `d-${id}` },
    ...{ createdAt: '', expiresAt: null, previous: null },
  });
  /** KV that answers when it is told to. */
  const kv = () => {
    const held = new Map<string, string>();
    const gate = { wait: Promise.resolve(), fails: 0 };
    const told = async (work: () => void): Promise<void> => {
      await gate.wait;
      if (gate.fails-- > 0) throw new Error('KV is away');
      work();
    };
    return {
      held,
      gate,
      KEYS: {
        put: (name: string, value: string) => told(() => held.set(name, value)),
        delete: (name: string) => told(() => held.delete(name)),
      },
    };
  };

  it('are published to all locations as they change, and only digests of them', async () => {
    const env = kv();
    const ring = new KeyRing(fakeState(storage), env);
    expect(await ring.create(key('a'))).toBe(true);
    expect(JSON.parse(env.held.get('key/a') ?? '')).toMatchObject({ id: 'a', digest: 'd-a' });
    await ring.rotate('a', 'd-2', 1000);
    expect(JSON.parse(env.held.get('key/a') ?? '')).toMatchObject({
      digest: 'd-2',
      previous: { digest: 'd-a', until: START + 1000 },
    });
    await ring.rotate('a', 'd-3', 0);
    expect(JSON.parse(env.held.get('key/a') ?? '')).toMatchObject({ digest: 'd-3', previous: null });
    expect(await ring.revoke('a')).toBe(true);
    expect([env.held.size, ring.find('a'), await ring.rotate('a', 'd-4', 0)]).toEqual([0, null, null]);
  });

  it('stay revoked, whatever was begun before', async () => {
    const env = kv();
    const ring = new KeyRing(fakeState(storage), env);
    await ring.create(key('a'));
    let open = () => {};
    env.gate.wait = new Promise<void>((resolve) => {
      open = resolve;
    });
    const work = [ring.rotate('a', 'd-2', 0), ring.revoke('a'), ring.rotate('a', 'd-3', 0)];
    open();
    await Promise.all(work);
    expect(env.held.size).toBe(0);
  });

  it('are revoked by the next try where KV was away, and not listed meanwhile', async () => {
    const env = kv();
    const ring = new KeyRing(fakeState(storage), env);
    await ring.create(key('a'));
    env.gate.fails = 1;
    await expect(ring.revoke('a')).rejects.toThrow('away');
    expect([env.held.size, ring.page('', 10)]).toEqual([1, []]);
    expect(await ring.revoke('a')).toBe(true);
    expect(env.held.size).toBe(0);
  });

  it('of another tenant are not revoked by their id', async () => {
    const env = kv();
    await new KeyRing(fakeState(storage), env).create(key('a'));
    expect(await new KeyRing(fakeState(new FakeStorage()), env).revoke('a')).toBe(false);
    expect(env.held.size).toBe(1);
  });

  it('come in pages, and are so many at most', async () => {
    const ring = new KeyRing(fakeState(storage), kv());
    for (let i = 0; i < MAX_KEYS; i++) await ring.create(key(`k${String(i).padStart(4, '0')}`));
    expect(await ring.create(key('more'))).toBe(false);
    expect(ring.page('k0001', 2).map(({ id }) => id)).toEqual(['k0002', 'k0003']);
  });
});

describe('the meter of a tenant', () => {
  const account = (bounds: Partial<Account>): Account => ({ key: 'k', rates: {}, budgets: {}, ...bounds });
  const steps = (n: number) => ({ requests: 0, steps: n, tokens: 0 });

  it('lets so many requests through in a minute, and more as it passes', () => {
    const meter = new Meter(fakeState(storage), {});
    const who = account({ rates: { requests_per_minute: 3 } });
    const answers = Array.from({ length: 4 }, () => meter.admit(who, false));
    expect(answers.map(({ refusal }) => refusal)).toEqual([
      undefined,
      undefined,
      undefined,
      { why: 'rate', policy: 'key-requests', retryAfterS: 20 },
    ]);
    expect(answers.map(({ standing }) => standing[0]?.remaining)).toEqual([2, 1, 0, 0]);
    later(19_000);
    expect(meter.admit(who, false).refusal).toMatchObject({ retryAfterS: 1 });
    later(1_000);
    expect(meter.admit(who, false).refusal).toBeUndefined();
  });

  it('goes into debt by what was in flight, and waits until it is refilled', () => {
    const meter = new Meter(fakeState(storage), {});
    const who = account({ rates: { steps_per_minute: 60 }, tenantSteps: 600 });
    expect(meter.admit(who, true).standing).toEqual([
      { policy: 'key-steps', quota: 60, remaining: 60, resetS: 0 },
      { policy: 'tenant-steps', quota: 600, remaining: 600, resetS: 0 },
    ]);
    meter.charge(who, steps(90));
    expect(meter.admit(who, true).refusal).toEqual({ why: 'rate', policy: 'key-steps', retryAfterS: 31 });
    // what does not tune is not held up
    expect(meter.admit(who, false)).toEqual({ standing: [] });
    // another key of the tenant has its own steps, and shares the tenant's
    expect(meter.admit({ ...who, key: 'other' }, true).standing.map(({ remaining }) => remaining)).toEqual([60, 510]);
    later(31_000);
    expect(meter.admit(who, true).refusal).toBeUndefined();
  });

  it('counts a budget by day, month and in all, and begins anew with each', () => {
    const meter = new Meter(fakeState(storage), {});
    const who = account({ budgets: { day: { steps: 10 }, month: { steps: 25 }, total: { requests: 5 } } });
    const spend = (n: number) => {
      const { refusal } = meter.admit(who, true);
      if (refusal === undefined) meter.charge(who, steps(n));
      return refusal;
    };
    expect([spend(10), spend(1)]).toEqual([
      undefined,
      { why: 'budget', what: 'steps', period: 'day', limit: 10, retryAfterS: 43_200 },
    ]);
    later(43_200_000);
    expect(meter.used('k')).toEqual({
      day: { requests: 0, steps: 0, tokens: 0 },
      month: { requests: 1, steps: 10, tokens: 0 },
      total: { requests: 1, steps: 10, tokens: 0 },
    });
    expect([spend(9), spend(9)]).toEqual([undefined, undefined]);
    later(86_400_000);
    expect(spend(1)).toMatchObject({ period: 'month', limit: 25, retryAfterS: 3 * 86_400 });
    later(3 * 86_400_000);
    expect([spend(1), spend(1)]).toEqual([undefined, undefined]);
    expect(spend(1)).toEqual({ why: 'budget', what: 'requests', period: 'total', limit: 5 });
  });

  it('gives back a request that did no work, never below nothing, and forgets a key', () => {
    const meter = new Meter(fakeState(storage), {});
    const who = account({ budgets: { day: { requests: 1 } } });
    expect(meter.admit(who, false).refusal).toBeUndefined();
    meter.charge(who, { requests: -1, steps: 0, tokens: 0 });
    meter.charge(who, { requests: -1, steps: 0, tokens: 0 });
    expect(meter.used('k').day.requests).toBe(0);
    expect(meter.admit(who, false).refusal).toBeUndefined();
    expect(meter.admit(who, false).refusal).toMatchObject({ what: 'requests' });
    meter.forget('k');
    expect(meter.used('k').total.requests).toBe(0);
  });

  it('refills nothing by a clock that is set back', () => {
    const meter = new Meter(fakeState(storage), {});
    const who = account({ rates: { requests_per_minute: 1 } });
    meter.admit(who, false);
    later(-600_000);
    expect(meter.admit(who, false).refusal).toBeDefined();
    later(600_000);
    expect(meter.admit(who, false).refusal).toBeDefined();
  });
});

describe('the first request under an Idempotency-Key', () => {
  const answer: KeptAnswer = {
    status: 200,
    headers: [['content-type', 'text/plain']],
    body: new TextEncoder().encode('done'),
  };
  const begun = async (object: IdempotencyMethods, fingerprint = 'f'): Promise<string> => {
    const began = await object.begin(fingerprint);
    return began.state === 'mine' ? began.token : began.state;
  };

  it('is at work, then kept for a day, then forgotten with all its storage', async () => {
    const object = new Idempotency(fakeState(storage), {});
    const token = await begun(object);
    expect([await begun(object), await begun(object, 'g')]).toEqual(['busy', 'other']);
    await object.keep(token, answer);
    expect(await object.begin('f')).toEqual({ state: 'kept', answer });
    expect(await begun(object, 'g')).toBe('other');
    expect(storage.alarm).toBe(START + IDEMPOTENCY_MS);
    later(IDEMPOTENCY_MS);
    await object.alarm();
    expect([storage.tables(), storage.alarm]).toEqual([[], null]);
    expect((await object.begin('g')).state).toBe('mine');
  });

  it('frees the key when it did nothing, and at once', async () => {
    const object = new Idempotency(fakeState(storage), {});
    await object.release(await begun(object));
    expect(storage.tables()).toEqual([]);
    expect((await object.begin('g')).state).toBe('mine');
  });

  it('frees the key after its lease when it never ended, and can then keep nothing', async () => {
    const object = new Idempotency(fakeState(storage), {});
    const lost = await begun(object);
    later(IDEMPOTENCY_LEASE_MS - 1);
    expect(await begun(object)).toBe('busy');
    later(1);
    const token = await begun(object);
    await object.keep(lost, answer);
    await object.release(lost);
    expect(await begun(object)).toBe('busy');
    // the alarm of the first one's lease rings late
    await object.alarm();
    expect(await begun(object)).toBe('busy');
    await object.keep(token, answer);
    expect((await object.begin('f')).state).toBe('kept');
  });

  it('is not done twice where its answer was too large to keep', async () => {
    const object = new Idempotency(fakeState(storage), {});
    await object.keep(await begun(object), null);
    expect([await begun(object), await begun(object, 'g')]).toEqual(['unkept', 'other']);
  });

  it('may be answered with an empty body', async () => {
    const object = new Idempotency(fakeState(storage), {});
    await object.keep(await begun(object), { ...answer, body: new Uint8Array(0) });
    expect(await object.begin('f')).toMatchObject({ state: 'kept', answer: { body: new Uint8Array(0) } });
  });
});
