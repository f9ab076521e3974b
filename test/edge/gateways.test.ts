// Several gateways: which one a request goes to, when another is asked, and that no two ever begin the same work.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpstreamError } from '../../functions/http/errors.ts';
import { untilDone } from '../../functions/openai/run.ts';
import { gatewayModels, gatewayScore, gatewayTune } from '../../functions/upstream/client.ts';
import { fleetOf } from '../../functions/upstream/fleet.ts';
import type { Gateway } from '../../functions/upstream/gateway.ts';
import { lookAhead } from '../../functions/upstream/several.ts';
import { inOrder } from '../../functions/upstream/spread.ts';
import type { GatewaySpec } from '../../wire/gateways.ts';
import { BREAKER_MIN_MS, GATEWAY_MODELS_AGAIN_MS, GATEWAY_MODELS_MS, MAX_FLEETS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { REGIONS, type Region } from '../../wire/regions.ts';
import { RetryBudget } from '../../wire/retry-budget.ts';
import { scoreRequest, tuneRequest } from '../../wire/tune/requests.ts';
import { BEHAVIOURS, World, type WorldGateway } from './gateway-world.ts';
import { GATEWAY_SECRET } from './harness.ts';

// a second try comes at once: what is tested is whether, not when
vi.mock('../../wire/limits.ts', async (original) => ({
  ...(await original<typeof import('../../wire/limits.ts')>()),
  RETRY_MIN_MS: 0,
  RETRY_MAX_MS: 1,
}));

/** A module of workerd's side, which Node's compiler settings do not know. */
const load = (path: string): Promise<object> => import(path);
const { forgetAdapters } = (await load('../../functions/corpora/forget.ts')) as {
  forgetAdapters(gateway: Gateway, corpus: object): Promise<void>;
};

let worlds = 0;
const NAMES = ['near', 'middle', 'far'];
/** A caller in western Europe has them at these distances. */
const PLACES: Readonly<Record<string, Region>> = { near: 'weur', middle: 'enam', far: 'apac' };

const setting = (more: Partial<Gateway> = {}, region?: Region) => {
  const world = new World(NAMES, `w${worlds++}`);
  const asked: string[] = [];
  const GATEWAYS = JSON.stringify(
    world.gateways.map(({ url }, i) => ({ name: NAMES[i], url, region: region ?? PLACES[NAMES[i] ?? ''] })),
  );
  const gateway: Gateway = {
    ...{ GATEWAYS, GATEWAY_SECRET, home: 'weur' as const },
    asked: (name) => void asked.push(name),
    ...more,
  };
  vi.stubGlobal('fetch', world.fetch);
  const [near, middle, far] = [at(world.gateways, 0), at(world.gateways, 1), at(world.gateways, 2)];
  return { world, gateway, asked, near, middle, far };
};

/** Long enough for a busy machine: only what waits for a clock has a short one. */
const clocks = { firstByteMs: 20_000, idleMs: 20_000, deadlineMs: 20_000 };
const options = (firstByteMs = clocks.firstByteMs) => ({
  clocks: { ...clocks, firstByteMs },
  budget: new RetryBudget(),
});
let prompts = 0;
interface Told {
  readonly text?: string;
  readonly error?: UpstreamError;
}
const ask = async (gateway: Gateway, change: object = {}, how = options()): Promise<Told> => {
  const request = tuneRequest.parse({ model: 'base', prompt: `prompt ${prompts++}`, stream: true, ...change });
  try {
    let text = '';
    for await (const { event } of untilDone(
      await gatewayTune(gateway, request, new AbortController().signal, how),
      1,
    )) {
      if (event.event === 'token') text += event.text;
    }
    return { text };
  } catch (error) {
    if (error instanceof UpstreamError) return { error };
    throw error;
  }
};
const codeOf = ({ error }: Told) => error?.wire.body.error.code;
const worked = (...gateways: readonly WorldGateway[]) => gateways.map(({ begun }) => begun.length);
const lists = ({ seen }: WorldGateway) => seen.filter((path) => path === '/v1/models').length;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

describe('the order of gateways', () => {
  const spec = (name: string, region: Region, weight = 1): GatewaySpec => ({ name, url: 'https://x', region, weight });

  it('is by nearness, whatever the key', () => {
    const all = REGIONS.map((region) => spec(region, region));
    fc.assert(
      fc.property(fc.string(), (key) => {
        const names = (home: Region) => inOrder(all, home, key).map(({ name }) => name);
        expect(names('weur').slice(0, 3)).toEqual(['weur', 'eeur', 'me']);
        expect(names('wnam').slice(0, 2)).toEqual(['wnam', 'enam']);
        expect(names('sam').slice(0, 2)).toEqual(['sam', 'enam']);
        expect(names('oc').slice(0, 2)).toEqual(['oc', 'apac']);
      }),
    );
  });

  it('is by the key alone where nobody knows the caller’s region', () => {
    const all = REGIONS.map((region) => spec(region, region));
    const first = new Set(Array.from({ length: 300 }, (_, i) => inOrder(all, undefined, `${i}`)[0]?.name));
    expect(first.size).toBe(REGIONS.length);
  });

  it('gives each of those as near as each other keys by its weight', () => {
    const all = [spec('a', 'weur', 1), spec('b', 'weur', 3), spec('c', 'weur', 6)];
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    const KEYS = 20_000;
    for (let i = 0; i < KEYS; i++) {
      const name = inOrder(all, 'weur', `tenant\n${i}`)[0]?.name ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
    }
    // four standard deviations
    for (const [name, share] of [
      ['a', 0.1],
      ['b', 0.3],
      ['c', 0.6],
    ] as const) {
      expect(Math.abs((counts[name] ?? 0) / KEYS - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / KEYS));
    }
  });

  it('hands on the keys of one that is gone, and no others', () => {
    const all = [spec('a', 'weur'), spec('b', 'weur', 2), spec('c', 'weur')];
    for (let i = 0; i < 500; i++) {
      const [first, second] = inOrder(all, 'weur', `${i}`);
      const without = inOrder(
        all.filter(({ name }) => name !== 'b'),
        'weur',
        `${i}`,
      )[0]?.name;
      expect(without).toBe(first?.name === 'b' ? second?.name : first?.name);
    }
  });
});

describe('a request', () => {
  it('goes to the nearest, and no other hears of it', async () => {
    const { gateway, asked, near, middle, far } = setting();
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect([worked(near, middle, far), asked, middle.seen, far.seen]).toEqual([[1, 0, 0], ['near'], [], []]);
  });

  it.each(['busy', 'draining', 'refused', 'stranger', 'no-model'] as const)(
    'goes on to the next where the nearest is %s',
    async (how) => {
      const { gateway, asked, near, middle, far } = setting();
      near.work = [how];
      expect(await ask(gateway)).toEqual({ text: 'Hello' });
      expect([worked(near, middle, far), asked, far.seen]).toEqual([[0, 1, 0], ['near', 'middle'], []]);
    },
  );

  it.each(['lost-after', 'proxy-after', 'hangs', 'fails', 'dies-in-stream', 'drains-in-stream'] as const)(
    'fails where the nearest has taken it and %s, though others would take it',
    async (how) => {
      const { gateway, asked, near, middle, far } = setting();
      // its list first, which the short clock is not for
      await gatewayModels(gateway, new AbortController().signal, options());
      near.work = [how];
      const { error } = await ask(gateway, {}, how === 'hangs' ? options(300) : options());
      expect(error).toBeInstanceOf(UpstreamError);
      expect([worked(near, middle, far), asked]).toEqual([[1, 0, 0], ['near']]);
      // the next request passes it over
      expect(await ask(gateway)).toEqual({ text: 'Hello' });
      expect([worked(near, middle, far), asked]).toEqual([
        [1, 1, 0],
        ['near', 'middle'],
      ]);
    },
  );

  it('fails where nobody knows whether the nearest has taken it', async () => {
    const { gateway, near, middle, far } = setting();
    near.work = ['lost-before'];
    const { error } = await ask(gateway);
    expect([error?.wire.status, worked(near, middle, far)]).toEqual([502, [0, 0, 0]]);
  });

  it('is tried again at the same one under the same signature', async () => {
    const { gateway, asked, near, middle } = setting();
    near.work = ['lost-before', 'good'];
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect([worked(near, middle), asked]).toEqual([[1, 0], ['near']]);
  });

  it('is asked of each once; that it is to come later is told rather than that another cannot be used', async () => {
    const { gateway, asked, near, middle, far } = setting();
    [near.work, middle.work, far.work] = [['refused'], ['busy'], ['refused']];
    const told = await ask(gateway);
    expect([codeOf(told), told.error?.wire.headers['retry-after'], told.error?.begun]).toEqual([
      'queue_full',
      '7',
      false,
    ]);
    expect(asked).toEqual(['near', 'middle', 'far']);
  });

  it('costs a retry for each further gateway, and goes no further without', async () => {
    const { gateway, asked, near } = setting();
    near.work = ['busy'];
    const poor = options();
    while (poor.budget.take());
    expect(codeOf(await ask(gateway, {}, poor))).toBe('queue_full');
    expect(asked).toEqual(['near']);
  });

  it('that is wrong is wrong everywhere', async () => {
    const { gateway, asked, near } = setting();
    near.work = ['too-long'];
    expect(codeOf(await ask(gateway))).toBe('context_length_exceeded');
    expect(asked).toEqual(['near']);
  });

  it('that a proxy refuses for what it holds speaks against no gateway', async () => {
    const { gateway, asked, near, middle, far } = setting();
    for (const one of [near, middle, far]) one.work = ['stranger', 'good'];
    expect((await ask(gateway)).error?.wire.status).toBe(502);
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    // had it been away, it would have been looked at first
    expect([asked, lists(near)]).toEqual([['near', 'middle', 'far', 'near'], 1]);
  });

  it('ends when its caller leaves, and that speaks against nobody', async () => {
    const { gateway, asked, near, middle } = setting();
    near.work = ['hangs', 'good'];
    const caller = new AbortController();
    const request = tuneRequest.parse({ model: 'base', prompt: 'x', stream: true });
    const left = gatewayTune(gateway, request, caller.signal, options());
    await vi.waitUntil(() => near.begun.length === 1);
    caller.abort();
    await expect(left).rejects.toMatchObject({ wire: { status: 499 } });
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect([worked(near, middle), asked]).toEqual([
      [2, 0],
      ['near', 'near'],
    ]);
  });
});

describe('a gateway that is away', () => {
  it('is found out by its list before it is sent any work', async () => {
    const { gateway, asked, near, middle } = setting();
    near.lists = 'refused';
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect([asked, worked(near, middle)]).toEqual([['middle'], [0, 1]]);
  });

  it('is left alone for a while, then looked at once beside a request, and comes back by that', async () => {
    const { gateway, asked, near, middle } = setting();
    near.lists = 'refused';
    await ask(gateway);
    const before = lists(near);
    await ask(gateway);
    expect(lists(near)).toBe(before);
    later(BREAKER_MIN_MS);
    const looks: Promise<unknown>[] = [];
    await Promise.all([ask({ ...gateway, later: (look) => looks.push(look) }), ask(gateway), ask(gateway)]);
    await Promise.all(looks);
    // one look, which is tried twice
    expect(lists(near)).toBe(before + 2);
    near.lists = 'good';
    later(2 * BREAKER_MIN_MS);
    await ask({ ...gateway, later: (look) => looks.push(look) });
    await Promise.all(looks);
    expect(worked(near, middle)).toEqual([0, 6]);
    await ask(gateway);
    expect([worked(near, middle), asked.at(-1)]).toEqual([[1, 6], 'near']);
  });

  it('is tried after all where no other can be used', async () => {
    const { gateway, near, middle, far } = setting();
    for (const one of [near, middle, far]) one.lists = 'refused';
    const told = await ask(gateway);
    expect(told.error?.message).toContain("no gateway that has 'base' can be used now; away: near, middle, far");
    expect([told.error?.wire.status, told.error?.begun]).toEqual([502, false]);
    near.lists = 'good';
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
  });

  it('is looked at again though a look was cut off with its request', async () => {
    const { gateway, near } = setting();
    near.lists = 'refused';
    await ask(gateway);
    later(BREAKER_MIN_MS);
    const { fetch } = globalThis;
    // a look that never ends
    vi.stubGlobal('fetch', (url: URL, init: RequestInit) =>
      url.origin === near.url ? new Promise(() => {}) : fetch(url, init),
    );
    await ask(gateway);
    vi.stubGlobal('fetch', fetch);
    near.lists = 'good';
    later(60_000);
    const looks: Promise<unknown>[] = [];
    await ask({ ...gateway, later: (look) => looks.push(look) });
    await Promise.all(looks);
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect(worked(near)).toEqual([1]);
  });
});

describe('the first request of an isolate', () => {
  const signal = new AbortController().signal;

  it('has the list that it needs fetched beside its selection, once, and from the nearest alone', async () => {
    const { gateway, near, middle, far } = setting();
    lookAhead(gateway, signal, options());
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect(near.seen).toEqual(['/v1/models', '/v1/tune']);
    expect([...middle.seen, ...far.seen]).toEqual([]);
    lookAhead({ ...gateway }, signal, options());
    await ask(gateway);
    expect(near.seen).toEqual(['/v1/models', '/v1/tune', '/v1/tune']);
  });

  it('goes elsewhere where that list did not come, and asks for it no second time', async () => {
    const { gateway, near, middle } = setting();
    near.lists = 'refused';
    const fleets: Promise<unknown>[] = [];
    lookAhead({ ...gateway, later: (work) => fleets.push(work) }, signal, options());
    await Promise.all(fleets);
    const seen = near.seen.length;
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect([near.seen.length, worked(middle)]).toEqual([seen, [1]]);
  });

  it('is told by the request itself what is wrong, not by the look', async () => {
    const { gateway } = setting({ GATEWAYS: 'no JSON' });
    expect(() => lookAhead(gateway, signal, options())).not.toThrow();
    const { gateway: noSecret } = setting({ GATEWAY_SECRET: '' });
    expect(() => lookAhead(noSecret, signal, options())).not.toThrow();
    expect(codeOf(await ask(noSecret))).toBe('not_configured');
    expect(() => lookAhead({ GATEWAY_URL: 'https://one.test' }, signal, options())).not.toThrow();
  });
});

describe('a gateway that drains', () => {
  it('is passed over as long as it says', async () => {
    const { gateway, near, middle } = setting();
    near.work = ['draining', 'good'];
    await ask(gateway);
    later(4_999);
    await ask(gateway);
    expect(worked(near, middle)).toEqual([0, 2]);
    later(1);
    await ask(gateway);
    expect(worked(near, middle)).toEqual([1, 2]);
  });

  it('hands on a score as well, of which it began nothing', async () => {
    const { gateway, asked, near, middle } = setting();
    near.work = ['draining'];
    middle.work = ['no-model'];
    const score = scoreRequest.parse({ model: 'base', text: 'x' });
    await expect(gatewayScore(gateway, score, new AbortController().signal, options())).rejects.toThrow();
    expect(asked.slice(0, 2)).toEqual(['near', 'middle']);
  });

  it('hands on no score that it was stopped at', async () => {
    const { gateway, asked, near } = setting();
    near.work = ['stopped'];
    const score = scoreRequest.parse({ model: 'base', text: 'x' });
    const told = await gatewayScore(gateway, score, new AbortController().signal, options()).catch((error) => error);
    expect([told.wire.body.error.code, told.begun, asked]).toEqual(['stopped', true, ['near']]);
    // and it is passed over from then on
    await ask(gateway);
    expect(asked.at(-1)).toBe('middle');
  });

  it('is asked where all others drain too, so that the caller hears when to come back', async () => {
    const { gateway, near, middle, far } = setting();
    for (const one of [near, middle, far]) one.work = ['draining'];
    await ask(gateway);
    const told = await ask(gateway);
    expect([codeOf(told), told.error?.wire.headers['retry-after']]).toEqual(['shutting_down', '5']);
  });
});

describe('requests of one session', () => {
  const texts = (text: string) => ({ picks: [{ id: 'a', text }] });

  it('with the same selection go to the same gateway of those as near', async () => {
    const { gateway, asked } = setting({}, 'weur');
    for (let i = 0; i < 12; i++) await ask(gateway, texts('the same'));
    expect(new Set(asked).size).toBe(1);
    asked.length = 0;
    for (let i = 0; i < 40; i++) await ask(gateway, texts(`text ${i}`));
    expect(new Set(asked).size).toBe(3);
  });

  it('may be scores of it too', async () => {
    const { gateway, asked } = setting({}, 'weur');
    await ask(gateway, texts('shared'));
    const score = scoreRequest.parse({ model: 'base', text: 'x', ...texts('shared') });
    // the world answers scores by a stream, which is no score: who was asked is all that counts here
    await gatewayScore(gateway, score, new AbortController().signal, options()).catch(() => {});
    expect(new Set(asked).size).toBe(1);
  });

  it('belong to a tenant', async () => {
    const { gateway, asked } = setting({}, 'weur');
    for (let i = 0; i < 40; i++) await ask(gateway, { ...texts('the same'), tenant: `t${i}` });
    expect(new Set(asked).size).toBe(3);
  });

  it('without a selection are kept together by their Idempotency-Key, and spread without one', async () => {
    const { gateway, asked } = setting({}, 'weur');
    for (let i = 0; i < 12; i++) await ask({ ...gateway, session: 'again' });
    expect(new Set(asked).size).toBe(1);
    for (let i = 0; i < 40; i++) await ask(gateway);
    expect(new Set(asked).size).toBe(3);
  });

  it('go elsewhere while theirs is away, and then back', async () => {
    const { gateway, asked, world } = setting({}, 'weur');
    await ask(gateway, texts('kept'));
    const own = at(world.gateways, NAMES.indexOf(asked[0] ?? ''));
    own.work = ['dies-in-stream', 'good'];
    await ask(gateway, texts('kept'));
    expect(await ask(gateway, texts('kept'))).toEqual({ text: 'Hello' });
    expect(asked.at(-1)).not.toBe(asked[0]);
    later(BREAKER_MIN_MS);
    const looks: Promise<unknown>[] = [];
    await ask({ ...gateway, later: (look) => looks.push(look) }, texts('kept'));
    await Promise.all(looks);
    await ask(gateway, texts('kept'));
    expect(asked.at(-1)).toBe(asked[0]);
  });
});

describe('models', () => {
  const never = () => new AbortController().signal;

  it('that only some gateways have are asked of these alone', async () => {
    const { gateway, asked, far, near } = setting();
    far.models = ['base', 'large'];
    expect(await ask(gateway, { model: 'large' })).toEqual({ text: 'Hello' });
    expect([asked, near.seen]).toEqual([['far'], ['/v1/models']]);
  });

  it('that none has are 404, with what there is', async () => {
    const { gateway, asked, far } = setting();
    far.models = ['large'];
    const told = await ask(gateway, { model: 'none' });
    expect([told.error?.wire.status, codeOf(told), told.error?.begun]).toEqual([404, 'model_not_found', false]);
    expect(told.error?.message).toContain('known models: base, large');
    expect(asked).toEqual([]);
  });

  it('that none is known to have, while one is away, are not said to be missing', async () => {
    const { gateway, far } = setting();
    far.lists = 'refused';
    const told = await ask(gateway, { model: 'large' });
    expect([told.error?.wire.status, codeOf(told)]).toEqual([502, 'gateway_unreachable']);
  });

  it('that are new are found, and a name that is wrong costs no list each time', async () => {
    const { gateway, near } = setting();
    await ask(gateway, { model: 'new' });
    near.models = ['base', 'new'];
    const before = lists(near);
    expect(codeOf(await ask(gateway, { model: 'new' }))).toBe('model_not_found');
    expect(lists(near)).toBe(before);
    later(GATEWAY_MODELS_AGAIN_MS);
    expect(await ask(gateway, { model: 'new' })).toEqual({ text: 'Hello' });
    expect(lists(near)).toBe(before + 1);
  });

  it('are asked for again after a while, beside a request', async () => {
    const { gateway, near } = setting();
    await ask(gateway);
    await ask(gateway);
    expect(lists(near)).toBe(1);
    later(GATEWAY_MODELS_MS);
    const looks: Promise<unknown>[] = [];
    await ask({ ...gateway, later: (look) => looks.push(look) });
    await Promise.all(looks);
    expect(lists(near)).toBe(2);
  });

  it('that a gateway has lost are asked of another', async () => {
    const { gateway, asked, near, middle } = setting();
    await ask(gateway);
    near.models = ['other'];
    expect(await ask(gateway)).toEqual({ text: 'Hello' });
    expect([asked, worked(near, middle)]).toEqual([
      ['near', 'near', 'middle'],
      [1, 1],
    ]);
    await ask(gateway);
    expect([asked.at(-1), lists(near)]).toEqual(['middle', 2]);
  });

  it('are listed once, with where they are', async () => {
    const { gateway, near, middle, far } = setting();
    middle.models = ['base', 'large'];
    far.models = ['large'];
    const listed = async () =>
      (await gatewayModels(gateway, never(), options())).map(({ id, gateways }) => [id, gateways]);
    const all = [
      ['base', ['near', 'middle']],
      ['large', ['middle', 'far']],
    ];
    expect(await listed()).toEqual(all);
    expect(await listed()).toEqual(all);
    expect([lists(near), lists(middle), lists(far)]).toEqual([1, 1, 1]);
    // of one that is away, as it said last, and no list waits for it each time
    far.lists = 'refused';
    later(GATEWAY_MODELS_MS);
    expect(await listed()).toEqual(all);
    const looks = lists(far);
    expect(await listed()).toEqual(all);
    expect(lists(far)).toBe(looks);
  });

  it('are listed while one gateway at least tells its own', async () => {
    const { gateway, near, middle, far } = setting();
    for (const one of [near, middle]) one.lists = 'refused';
    expect(await gatewayModels(gateway, never(), options())).toMatchObject([{ id: 'base', gateways: ['far'] }]);
    const other = setting();
    for (const one of other.world.gateways) one.lists = 'refused';
    await expect(gatewayModels(other.gateway, never(), options())).rejects.toMatchObject({ wire: { status: 502 } });
    expect(far.begun).toEqual([]);
  });
});

describe('what is forgotten', () => {
  it('is told to all gateways; what fails is told to the operator by its name', async () => {
    const { gateway, world, middle } = setting();
    middle.lists = 'refused';
    const told: string[] = [];
    vi.spyOn(console, 'error').mockImplementation((line: string) => void told.push(line));
    await forgetAdapters(gateway, { tenant: 't', space: 's' });
    vi.restoreAllMocks();
    expect(world.gateways.every(({ seen }) => seen.includes('/v1/forget'))).toBe(true);
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0] ?? '')).toMatchObject({ where: "telling the gateway 'middle' that examples are gone" });
  });
});

describe('the configuration', () => {
  it('that is wrong fails each request in the operator’s terms', async () => {
    const told = await ask({ GATEWAYS: '[{"name":"eu"}]', GATEWAY_SECRET });
    expect([told.error?.wire.status, codeOf(told)]).toEqual([501, 'not_configured']);
    expect(told.error?.message).toContain("GATEWAYS (entry 1 'eu': url is missing)");
  });

  it('needs the secret', async () => {
    const { gateway } = setting({ GATEWAY_SECRET: '' });
    expect(codeOf(await ask(gateway))).toBe('not_configured');
  });

  it('has one state in an isolate, and few are kept', () => {
    const text = (i: number) => JSON.stringify([{ name: 'a', url: `https://a${i}.kept.test`, region: 'oc' }]);
    const first = fleetOf(text(0));
    expect(fleetOf(text(0))).toBe(first);
    for (let i = 1; i <= MAX_FLEETS; i++) fleetOf(text(i));
    expect(fleetOf(text(0))).not.toBe(first);
  });
});

it('never begins the same work twice, at one gateway or at two, whatever they do', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.constantFrom(...BEHAVIOURS), { minLength: 1, maxLength: 3 }), {
        minLength: 3,
        maxLength: 3,
      }),
      fc.array(fc.constantFrom('good' as const, 'refused' as const), { minLength: 3, maxLength: 3 }),
      fc.boolean(),
      async (work, listed, sameRegion) => {
        const { world, gateway } = setting({}, sameRegion ? 'weur' : undefined);
        for (const [i, one] of world.gateways.entries()) {
          one.work = [...at(work, i)];
          one.lists = at(listed, i);
        }
        const how = options(60);
        for (let i = 0; i < 3; i++) {
          const prompt = `property ${prompts++}`;
          const { text, error } = await ask(gateway, { prompt }, how);
          expect(world.begun(prompt)).toBeLessThanOrEqual(1);
          // an answer has work behind it, and what is said to have done nothing has none that went on
          if (text !== undefined) expect(world.begun(prompt)).toBe(1);
          if (world.begun(prompt) === 0) expect(error).toBeInstanceOf(UpstreamError);
        }
      },
    ),
    { numRuns: 150 },
  );
});
