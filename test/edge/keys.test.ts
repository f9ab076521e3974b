// Keys, budgets and repeated requests as a caller sees them: the Worker as production configures it, before a scripted
// gateway. Who is let in where is matrix.test.ts.
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SCOPES } from '../../wire/api/scope.ts';
import { MAX_IDEMPOTENCY_KEY } from '../../wire/limits.ts';
import { type Edge, KEY, OTHER_KEY, type SendOptions, startEdge } from './harness.ts';
import { makeKey } from './made-keys.ts';
import { type Exchange, type Script, type ScriptedGateway, scriptedGateway } from './scripted-gateway.ts';

let edge: Edge;
let gateway: ScriptedGateway;
let script: Script;

/** A stream of so many steps and these texts. */
const tuned =
  (steps: number, ...texts: readonly string[]): Script =>
  async (x: Exchange) => {
    const tuning = { method: 'full', rank: null, learning_rate: 5e-4 };
    const ms = { queue: 0, open: 0, tune: 0, generate: 0 };
    await x.stream();
    for (const text of texts) await x.event({ event: 'token', text, tokens: 1 });
    const counts = { prompt_tokens: 3, completion_tokens: texts.length, tuning_tokens: steps * 10, steps };
    await x.events({ event: 'usage', usage: { ...counts, tuning, ms } }, { event: 'done', finish_reason: 'stop' });
    x.end();
  };

beforeAll(async () => {
  gateway = await scriptedGateway((x) => script(x));
  edge = await startEdge({ vars: { GATEWAY_URL: gateway.url, STEPS_PER_MINUTE: '100000' } });
});
afterAll(async () => {
  await edge.close();
  await gateway.close();
});
beforeEach(() => {
  script = tuned(0, 'Hello.');
});

const told = async (path: string, options?: SendOptions) => {
  const response = await edge.send(path, options);
  const text = await response.text();
  const body = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, text, body };
};
const post = (path: string, body: unknown, key = KEY, headers = {}) => told(path, { body, key, headers });

describe('a key', () => {
  it('is shown once, listed without its secret, rotated with a grace, and revoked', async () => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const made = await post('/v1/keys', { name: 'Edge client', scopes: ['select', 'select'], expires_at });
    expect([made.status, made.headers.get('cache-control')]).toEqual([201, 'no-store']);
    const { key, ...shown } = made.body;
    expect(shown).toMatchObject({
      ...{ object: 'key', tenant: 'default', name: 'Edge client', scopes: ['select'], corpora: 'all' },
      ...{ expires_at, previous_until: null, rates: {}, budgets: {} },
    });
    const secret = key.slice(key.indexOf('_', 3) + 1);
    const one = await told(`/v1/keys/${shown.id}`);
    expect(one.body).toMatchObject({ ...shown, used: { day: { requests: 0, steps: 0, tokens: 0 } } });
    const list = await told('/v1/keys?limit=1000');
    expect(list.body.data).toContainEqual(shown);
    for (const { text } of [one, list]) expect(text).not.toMatch(new RegExp(`${secret}|digest`));

    const works = async (one: string) => (await post('/v1/select', {}, one)).status === 400;
    expect(await works(key)).toBe(true);
    const rotated = await post(`/v1/keys/${shown.id}/rotate`, { grace_s: 60 });
    expect(Date.parse(rotated.body.previous_until)).toBeGreaterThan(Date.now() + 50_000);
    expect([await works(key), await works(rotated.body.key)]).toEqual([true, true]);
    const again = await told(`/v1/keys/${shown.id}/rotate`, { method: 'POST' });
    expect([again.status, again.body.previous_until]).toEqual([200, null]);
    expect([await works(key), await works(rotated.body.key), await works(again.body.key)]).toEqual([
      false,
      false,
      true,
    ]);

    const revoked = await told(`/v1/keys/${shown.id}`, { method: 'DELETE' });
    expect(revoked.body).toEqual({ object: 'key', id: shown.id, revoked: true });
    expect(await works(again.body.key)).toBe(false);
    expect((await told(`/v1/keys/${shown.id}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('is stored as a digest alone, and remembered by an isolate for a while', async () => {
    const { key, id } = await makeKey(edge, 'kept', { scopes: ['read'] });
    const secret = key.slice(key.indexOf('_', 3) + 1);
    const held = await edge.keysInKv();
    expect(JSON.parse(held[`key/${id}`] ?? '')).toMatchObject({ tenant: 'kept', scopes: ['read'] });
    expect(JSON.stringify(held)).not.toContain(secret);
    expect((await told('/v1/corpora', { key })).status).toBe(200);
    await edge.dropFromKv(id);
    // asked again only when its time is over: otherwise every request would read KV
    expect((await told('/v1/corpora', { key })).status).toBe(200);
  });

  it.each<[string, object, string]>([
    ['no scopes', {}, 'scopes'],
    ['an empty list of scopes', { scopes: [] }, 'scopes'],
    ['an unknown scope', { scopes: ['root'] }, 'scopes.0'],
    ['no corpora', { scopes: ['read'], corpora: [] }, 'corpora'],
    ['a corpus that cannot be', { scopes: ['read'], corpora: ['a/b'] }, 'corpora.0'],
    ['a day without a time', { scopes: ['read'], expires_at: '2027-01-01' }, 'expires_at'],
    ['a time that is over', { scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    ['a rate of nothing', { scopes: ['read'], rates: { requests_per_minute: 0 } }, 'rates.requests_per_minute'],
    ['a budget of half a step', { scopes: ['read'], budgets: { day: { steps: 0.5 } } }, 'budgets.day.steps'],
    ['a period that is not counted', { scopes: ['read'], budgets: { week: { steps: 1 } } }, 'budgets'],
    ['a tenant in the body', { scopes: ['read'], tenant: 'other' }, 'body'],
    ['half a character in its name', { scopes: ['read'], name: '\ud800' }, 'name'],
  ])('is refused with %s', async (_, body, param) => {
    const { status, body: said } = await post('/v1/keys', body);
    expect([status, said.error.code, said.error.param.split('.')[0]]).toEqual([400, 'bad_field', param.split('.')[0]]);
  });

  it('may have any name, which stays in JSON', async () => {
    const name = 'Ünïcode "quoted"\r\nx-injected: yes';
    const made = await post('/v1/keys', { scopes: ['read'], name });
    expect([made.body.name, made.headers.get('x-injected')]).toEqual([name, null]);
  });

  it.each(['nobody', '..', '%2e%2e', 'a%2Fb', 'x'.repeat(5_000), '%00', 'nobodynobodynob%C3%B6'])(
    'that is not there is not found: %s',
    async (id) => {
      for (const method of ['GET', 'DELETE']) {
        expect((await told(`/v1/keys/${id}`, { method })).status).toBeGreaterThanOrEqual(400);
        expect((await told(`/v1/keys/${id}`, { method })).status).toBeLessThan(500);
      }
    },
  );

  it('is made once for each request: an Idempotency-Key is refused, since no secret is kept', async () => {
    const { status, body } = await post('/v1/keys', { scopes: ['read'] }, KEY, { 'idempotency-key': 'x' });
    expect([status, body.error.param]).toEqual([400, 'Idempotency-Key']);
  });
});

describe('an Authorization header on the wire', () => {
  const status = async (...lines: readonly (string | Buffer)[]): Promise<number> => {
    const socket = connect(Number(edge.url.port), edge.url.hostname);
    const head = Buffer.from('GET /v1/corpora HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n');
    const own = lines.flatMap((line) => [Buffer.from(line), Buffer.from('\r\n')]);
    socket.on('error', () => {}); // a connection that is cut is no answer: 0
    socket.write(Buffer.concat([head, ...own, Buffer.from('\r\n')]));
    let text = '';
    for await (const chunk of socket) text += chunk;
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  };

  it('lets one whole key in', async () => {
    expect(await status(`Authorization: Bearer ${KEY}`)).toBe(200);
    expect(await status(`AUTHORIZATION:bearer   ${KEY}  `)).toBe(200);
  });

  it.each<[string, readonly (string | Buffer)[]]>([
    ['the key twice', [`authorization: Bearer ${KEY}`, `authorization: Bearer ${KEY}`]],
    ['another key before it', ['authorization: Bearer x', `authorization: Bearer ${KEY}`]],
    ['a folded line', ['authorization: Bearer', ` ${KEY}`]],
    ['a zero byte', [`authorization: Bearer ${KEY}\0`]],
    ['a lone return', [`authorization: Bearer x\rauthorization: Bearer ${KEY}`]],
    ['bytes that are no UTF-8', [Buffer.from([...Buffer.from(`authorization: Bearer ${KEY}`), 0xff, 0xfe])]],
    ['a space before the colon', [`authorization : Bearer ${KEY}x`]],
    ['no value', ['authorization:']],
    ['a kilobyte', [`authorization: Bearer ${'k'.repeat(1_000)}`]],
    ['a megabyte', [`authorization: Bearer ${'k'.repeat(1_000_000)}`]],
  ])('is refused with %s', async (_, lines) => {
    const got = await status(...lines);
    expect({ got, refused: got === 0 || (got >= 400 && got < 500) }).toEqual({ got, refused: true });
  });
});

describe('who manages keys', () => {
  const grant = (key: string, body: object, tenant = '') =>
    post(`/v1/keys${tenant === '' ? '' : `?tenant=${tenant}`}`, body, key);

  it('is an operator for every tenant, and anybody else for the own', async () => {
    expect((await grant(KEY, { scopes: ['read'] }, 'acme')).body.tenant).toBe('acme');
    expect((await grant(OTHER_KEY, { scopes: ['read'] }, 'other')).body.tenant).toBe('other');
    const refused = await grant(OTHER_KEY, { scopes: ['read'] }, 'acme');
    expect([refused.status, refused.body.error]).toMatchObject([403, { code: 'cannot_grant', param: 'tenant' }]);
    // a key that an operator made for the default tenant is no operator's
    const admin = await makeKey(edge, 'default', { scopes: SCOPES });
    expect((await grant(admin.key, { scopes: ['read'] }, 'acme')).status).toBe(403);
    expect((await told('/v1/keys?tenant=acme', { key: admin.key })).status).toBe(403);
    expect((await grant(KEY, { scopes: ['read'] }, '../acme')).status).toBe(400);
  });

  it('gives no more than it has: scopes, corpora, time', async () => {
    const soon = new Date(Date.now() + 60_000).toISOString();
    const late = new Date(Date.now() + 600_000).toISOString();
    const wishes = { scopes: ['admin', 'select'], corpora: ['a', 'b'], expires_at: soon } as const;
    const { key } = await makeKey(edge, 'acme', wishes);
    const param = async (body: object) => {
      const { status, body: said } = await grant(key, { ...wishes, ...body });
      return status === 201 ? 'made' : [status, said.error.code, said.error.param].join(' ');
    };
    expect(await param({})).toBe('made');
    expect(await param({ scopes: ['select'], corpora: ['b'] })).toBe('made');
    expect(await param({ scopes: ['select', 'write'] })).toBe('403 cannot_grant scopes');
    expect(await param({ corpora: ['a', 'c'] })).toBe('403 cannot_grant corpora');
    expect(await param({ corpora: 'all' })).toBe('403 cannot_grant corpora');
    expect(await param({ expires_at: late })).toBe('403 cannot_grant expires_at');
    expect(await param({ expires_at: null })).toBe('403 cannot_grant expires_at');
    const limited = await makeKey(edge, 'acme', { scopes: ['admin'], budgets: { day: { requests: 100 } } });
    expect((await grant(limited.key, { scopes: ['admin'] })).body.error.code).toBe('cannot_grant');
  });

  it('finds no key that reaches further than its own, and so gets none by rotating it', async () => {
    const strong = await makeKey(edge, 'acme', { scopes: SCOPES });
    const weak = await makeKey(edge, 'acme', { scopes: ['admin', 'read'] });
    const under = await makeKey(edge, 'acme', { scopes: ['read'] });
    const { key } = weak;
    expect((await told(`/v1/keys/${strong.id}`, { key })).status).toBe(404);
    expect((await post(`/v1/keys/${strong.id}/rotate`, {}, key)).status).toBe(404);
    expect((await told(`/v1/keys/${strong.id}`, { key, method: 'DELETE' })).status).toBe(404);
    const { body } = await told('/v1/keys?limit=1000', { key });
    const ids = body.data.map(({ id }: { id: string }) => id);
    expect([ids.includes(strong.id), ids.includes(under.id)]).toEqual([false, true]);
    expect((await post(`/v1/keys/${under.id}/rotate`, {}, key)).status).toBe(200);
  });

  it('sees keys page by page', async () => {
    for (let i = 0; i < 3; i++) await makeKey(edge, 'paged', { scopes: ['read'] });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: { data: { id: string }[]; next_cursor: string | null } } = await told(
        `/v1/keys?tenant=paged&limit=2&cursor=${cursor}`,
      );
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.next_cursor;
    }
    expect(seen).toHaveLength(3);
    expect(seen).toEqual([...seen].sort());
  });
});

describe('rates and budgets', () => {
  const complete = (key: string, body = {}) => post('/v1/completions', { model: 'base', prompt: 'x', ...body }, key);

  it('of requests hold off a key, and say how it stands', async () => {
    const { key } = await makeKey(edge, 'rated', { scopes: ['read'], rates: { requests_per_minute: 2 } });
    const first = await told('/v1/corpora', { key });
    expect(first.headers.get('ratelimit-policy')).toBe('"tenant";q=600;w=60, "key-requests";q=2;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"key-requests";r=1;t=\d+$/);
    await told('/v1/corpora', { key });
    const third = await told('/v1/corpora', { key });
    expect([third.status, third.body.error]).toMatchObject([429, { code: 'rate_limited', type: 'rate_limit_error' }]);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(third.headers.get('ratelimit')).toMatch(/^"key-requests";r=0;t=\d+$/);
    const other = await makeKey(edge, 'rated', { scopes: ['read'] });
    expect((await told('/v1/corpora', { key: other.key })).status).toBe(200);
  });

  it('of steps are charged by what the gateway reports, and are the tenant’s too', async () => {
    const { key, id } = await makeKey(edge, 'budgeted', {
      scopes: ['generate', 'read'],
      budgets: { day: { steps: 10 } },
      rates: { steps_per_minute: 1000 },
    });
    script = tuned(12, 'Hello.');
    const first = await complete(key);
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit')).toMatch(/^"key-steps";r=1000;t=0, "tenant-steps";r=100000;t=0$/);
    await expect
      .poll(async () => (await told(`/v1/keys/${id}?tenant=budgeted`)).body.used.day)
      .toEqual({
        requests: 1,
        steps: 12,
        tokens: 124,
      });
    const second = await complete(key);
    expect([second.status, second.body.error]).toMatchObject([
      429,
      { code: 'budget_spent', type: 'insufficient_quota', message: expect.stringContaining('10 steps a day') },
    ]);
    expect(second.headers.get('x-should-retry')).toBe('false');
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    // what does not tune goes on
    expect((await told('/v1/corpora', { key })).status).toBe(200);
  });

  it('are charged for the steps of work that broke off, by itself or because its caller left', async () => {
    const { key, id } = await makeKey(edge, 'budgeted', { scopes: ['generate'], budgets: { total: { steps: 100 } } });
    const used = async () => (await told(`/v1/keys/${id}?tenant=budgeted`)).body.used.total;
    const step = (index: number) => ({
      event: 'step',
      step: { ...{ index, of: 5, id: 'a', loss: 1, tokens: 10, ms: 1 }, reused: false, truncated: false },
    });
    script = async (x) => {
      await x.stream();
      await x.events(step(0), step(1));
      await x.event({ event: 'error', error: { message: 'no', type: 'server_error', code: 'backend', param: null } });
      x.end();
    };
    expect((await complete(key)).status).toBe(502);
    await expect.poll(used).toEqual({ requests: 1, steps: 2, tokens: 20 });

    script = async (x) => {
      await x.stream();
      await x.events(step(0), step(1), step(2));
      await x.gone();
    };
    const leaving = new AbortController();
    const body = { model: 'base', prompt: 'x', stream: true };
    const response = await edge.send('/v1/completions', { key, body, signal: leaving.signal });
    const reader = response.body?.getReader();
    let text = '';
    while (!text.includes('step 3/5')) text += new TextDecoder().decode((await reader?.read())?.value);
    leaving.abort();
    await expect.poll(used, { timeout: 10_000 }).toEqual({ requests: 2, steps: 5, tokens: 50 });
  });

  it('are not charged for what failed before any work', async () => {
    const { key, id } = await makeKey(edge, 'budgeted', { scopes: ['generate'], budgets: { total: { requests: 2 } } });
    const used = async () => (await told(`/v1/keys/${id}?tenant=budgeted`)).body.used.total.requests;
    expect((await complete(key, { prompt: 7 })).status).toBe(400);
    await expect.poll(used).toBe(0);
    script = (x) =>
      x.answer(503, { error: { message: 'full', type: 'server_error', code: 'queue_full', param: null } });
    expect((await complete(key)).status).toBe(503);
    await expect.poll(used).toBe(0);
    script = tuned(0, 'Hello.');
    expect([(await complete(key)).status, (await complete(key)).status, (await complete(key)).status]).toEqual([
      200, 200, 429,
    ]);
  });
});

describe('an Idempotency-Key', () => {
  let next = 0;
  const fresh = () => `test-${next++}`;
  const complete = (idempotency: string, body = {}, key = KEY) =>
    post('/v1/completions', { model: 'base', prompt: 'x', ...body }, key, { 'idempotency-key': idempotency });
  /** The work that the gateway was given since. */
  const works = () => {
    const before = gateway.requests.length;
    return () => gateway.requests.length - before;
  };

  it('has the first answer given again, byte by byte, and the work done once', async () => {
    const [key, count] = [fresh(), works()];
    const first = await complete(key);
    const second = await complete(`"${key}"`);
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([200, null]);
    expect([second.status, second.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(second.text).toBe(first.text);
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(count()).toBe(1);
  });

  it('has a stream given again as a stream', async () => {
    const [key, count] = [fresh(), works()];
    script = tuned(0, 'Hel', 'lo.');
    const first = await complete(key, { stream: true });
    const second = await complete(key, { stream: true });
    expect(first.text).toContain('data: [DONE]');
    expect([second.text, second.headers.get('content-type')]).toEqual([first.text, first.headers.get('content-type')]);
    expect(count()).toBe(1);
  });

  it('is refused for another request: body or path', async () => {
    const key = fresh();
    await complete(key);
    for (const other of [await complete(key, { prompt: 'y' }), await complete(key, { stream: true })]) {
      expect([other.status, other.body.error.code]).toEqual([422, 'idempotency_mismatch']);
    }
    const path = await post('/v1/select', { model: 'base', prompt: 'x' }, KEY, { 'idempotency-key': key });
    expect(path.status).toBe(422);
  });

  it('tells a second request at the same time to wait', async () => {
    const [key, count] = [fresh(), works()];
    let go = () => {};
    const wait = new Promise<void>((resolve) => {
      go = resolve;
    });
    script = async (x) => {
      await wait;
      await tuned(0, 'Hello.')(x);
    };
    const first = complete(key);
    await expect.poll(count).toBe(1);
    const second = await complete(key);
    expect([second.status, second.body.error.code]).toEqual([409, 'idempotency_busy']);
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    go();
    expect((await first).status).toBe(200);
    expect((await complete(key)).headers.get('idempotent-replayed')).toBe('true');
    expect(count()).toBe(1);
  });

  it('keeps what a repeat could not better, and frees the key otherwise', async () => {
    const failing = (code: string): Script => {
      const error = { message: 'no', type: 'server_error', code, param: null };
      return (x) => x.answer(503, { error });
    };
    const busy = fresh();
    script = failing('queue_full');
    expect((await complete(busy)).status).toBe(503);
    script = tuned(0, 'Hello.');
    const after = await complete(busy);
    expect([after.status, after.headers.get('idempotent-replayed')]).toEqual([200, null]);

    const wrong = fresh();
    expect((await complete(wrong, { temperature: 9 })).status).toBe(400);
    const again = await complete(wrong, { temperature: 9 });
    expect([again.status, again.headers.get('idempotent-replayed'), again.body.error.param]).toEqual([
      400,
      'true',
      'temperature',
    ]);

    const broken = fresh();
    script = async (x) => {
      await x.stream();
      await x.event({ event: 'token', text: 'Hel', tokens: 1 });
      await x.event({ event: 'error', error: { message: 'no', type: 'server_error', code: 'backend', param: null } });
      x.end();
    };
    expect((await complete(broken, { stream: true })).text).toContain('data: {"error"');
    script = tuned(0, 'Hello.');
    expect((await complete(broken, { stream: true })).text).toContain('data: [DONE]');
  });

  it('is free again when its caller left', async () => {
    const [key, count] = [fresh(), works()];
    script = async (x) => {
      await x.stream();
      await x.event({ event: 'token', text: 'Hel', tokens: 1 });
      await x.gone();
    };
    const leaving = new AbortController();
    const body = { model: 'base', prompt: 'x', stream: true };
    const headers = { 'idempotency-key': key };
    const response = await edge.send('/v1/completions', { body, headers, signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    script = tuned(0, 'Hello.');
    await expect.poll(async () => (await complete(key, { stream: true })).status, { timeout: 10_000 }).toBe(200);
    expect(count()).toBe(2);
  });

  it('is not given a second time what was too large to keep, nor worked for twice', async () => {
    const [key, count] = [fresh(), works()];
    script = tuned(0, ...Array.from({ length: 6 }, () => 'x'.repeat(200_000)));
    expect((await complete(key)).status).toBe(200);
    const second = await complete(key);
    expect([second.status, second.body.error.code]).toEqual([409, 'idempotency_unkept']);
    expect(second.headers.get('x-should-retry')).toBe('false');
    expect(count()).toBe(1);
  });

  it.each([' ', 'two words', '""', 'k'.repeat(MAX_IDEMPOTENCY_KEY + 1), 'é', ''])(
    'must be visible ASCII of some length: %j',
    async (key) => {
      const { status, body } = await complete(key);
      expect([status, body.error.param]).toEqual([400, 'Idempotency-Key']);
    },
  );

  it('does not hold up a request that is charged for once', async () => {
    const made = await makeKey(edge, 'budgeted', { scopes: ['generate'], budgets: { total: { requests: 1 } } });
    const key = fresh();
    expect((await complete(key, {}, made.key)).status).toBe(200);
    const again = await complete(key, {}, made.key);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect((await complete(fresh(), {}, made.key)).status).toBe(429);
  });
});
