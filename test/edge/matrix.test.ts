// Who is let in where: every route × every scope, and every route × what belongs to somebody else. A route of the table
// without a row here does not compile; a row is one line. Keys that may not reach a thing are told what they would be told
// if it did not exist.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { factsOf, type RouteName, routeNames } from '../../wire/api/routes.ts';
import { SCOPES, type Scope } from '../../wire/api/scope.ts';
import { type Edge, KEY, OTHER_KEY, startEdge } from './harness.ts';
import { type MadeKey, makeKey } from './made-keys.ts';
import { type Exchange, type ScriptedGateway, scriptedGateway } from './scripted-gateway.ts';

/** What a tenant may have; `nothing` is of the same kinds, and nobody's. */
interface Things {
  readonly corpus: string;
  readonly example: string;
  readonly key: string;
  readonly selection: string;
}

const TEXT = 'The router matches the path of a request.';

/** A request to each route about these things. */
const ROWS: Record<RouteName, (things: Things) => readonly [path: string, body?: unknown]> = {
  'GET /v1/models': () => ['/v1/models'],
  'GET /v1/models/{name}': () => ['/v1/models/base'],
  'POST /v1/select': ({ corpus }) => ['/v1/select', { corpus, input: TEXT }],
  'GET /v1/selections/{id}': ({ selection }) => [`/v1/selections/${selection}`],
  'POST /v1/completions': ({ corpus }) => ['/v1/completions', { model: 'base:sift', prompt: TEXT, sift: { corpus } }],
  'POST /v1/chat/completions': ({ corpus }) => [
    '/v1/chat/completions',
    { model: 'base:sift', messages: [{ role: 'user', content: TEXT }], sift: { corpus } },
  ],
  'POST /v1/embeddings': () => ['/v1/embeddings', { model: 'no-such-embedder', input: TEXT }],
  'POST /v1/score': ({ corpus }) => ['/v1/score', { model: 'base', context: TEXT, text: 'x', sift: { corpus } }],
  'GET /v1/corpora': () => ['/v1/corpora'],
  'GET /v1/corpora/{corpus}': ({ corpus }) => [`/v1/corpora/${corpus}`],
  'PUT /v1/corpora/{corpus}': ({ corpus }) => [`/v1/corpora/${corpus}`, {}],
  'POST /v1/corpora/{corpus}/delete': ({ corpus }) => [
    `/v1/corpora/${corpus}/delete`,
    { filter: { 'meta.lang': 'nobody speaks it' } },
  ],
  'DELETE /v1/corpora/{corpus}': ({ corpus }) => [`/v1/corpora/${corpus}`],
  'POST /v1/corpora/{corpus}/examples': ({ corpus }) => [`/v1/corpora/${corpus}/examples`, '{"text":"Mine."}'],
  'GET /v1/corpora/{corpus}/examples': ({ corpus }) => [`/v1/corpora/${corpus}/examples`],
  'GET /v1/corpora/{corpus}/examples/{id}': ({ corpus, example }) => [`/v1/corpora/${corpus}/examples/${example}`],
  'DELETE /v1/corpora/{corpus}/examples/{id}': ({ corpus, example }) => [`/v1/corpora/${corpus}/examples/${example}`],
  'PATCH /v1/corpora/{corpus}/examples/{id}': ({ corpus, example }) => [
    `/v1/corpora/${corpus}/examples/${example}`,
    { source: 'elsewhere' },
  ],
  'POST /v1/keys': () => ['/v1/keys', { scopes: ['admin'], name: 'made by the matrix' }],
  'GET /v1/keys': () => ['/v1/keys'],
  'GET /v1/keys/{id}': ({ key }) => [`/v1/keys/${key}`],
  'POST /v1/keys/{id}/rotate': ({ key }) => [`/v1/keys/${key}/rotate`, {}],
  'DELETE /v1/keys/{id}': ({ key }) => [`/v1/keys/${key}`],
};
/** Routes that make a thing of the asking tenant's own under whatever name is free there. */
const MAKES: ReadonlySet<RouteName> = new Set(['POST /v1/corpora/{corpus}/examples', 'PUT /v1/corpora/{corpus}']);
const nothing: Things = {
  corpus: 'nothing',
  example: 'nothing',
  key: 'nobodynobodynobo',
  selection: `sel_${'n'.repeat(24)}`,
};
let theirs: Things = nothing;
let edge: Edge;
let gateway: ScriptedGateway;
const keys = new Map<Scope, MadeKey>();
let owner: MadeKey;
let foreign: MadeKey;
let narrow: MadeKey;
let expired: MadeKey;
let revoked: MadeKey;

const answer = async (x: Exchange): Promise<void> => {
  const said = { ms: { queue: 0, open: 0, tune: 0, generate: 0 }, prompt_tokens: 1, completion_tokens: 1 };
  const tuning = { method: 'full', rank: null, learning_rate: 5e-4 };
  if (x.seen.path !== '/v1/tune') return x.answer(200, { models: [], adapters: 0 });
  await x.stream();
  await x.events(
    { event: 'token', text: 'x', tokens: 1 },
    { event: 'usage', usage: { ...said, tuning_tokens: 0, steps: 0, tuning } },
    { event: 'done', finish_reason: 'stop' },
  );
  x.end();
};

interface Told {
  readonly status: number;
  readonly code: string | undefined;
  /** The error's words, without the names that were asked for. */
  readonly message: string | undefined;
  readonly headers: Headers;
}

const namesNothing = (name: RouteName): boolean =>
  JSON.stringify(ROWS[name](theirs)) === JSON.stringify(ROWS[name](nothing));

const ask = async (name: RouteName, things: Things, key: string | null, headers = {}): Promise<Told> => {
  const [path, body] = ROWS[name](things);
  const method = name.split(' ')[0] ?? '';
  const response = await edge.send(path, { method, key, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const error = response.status < 400 ? undefined : JSON.parse(text).error;
  const message: string | undefined = Object.values(things).reduce(
    (words: string | undefined, thing) => words?.replaceAll(thing, '…'),
    error?.message,
  );
  return { status: response.status, code: error?.code, message, headers: response.headers };
};

beforeAll(async () => {
  gateway = await scriptedGateway(answer);
  edge = await startEdge({ vars: { GATEWAY_URL: gateway.url, DEFAULT_CORPUS: 'theirs' } });
  for (const scope of SCOPES) keys.set(scope, await makeKey(edge, 'third', { scopes: [scope] }));
  owner = await makeKey(edge, 'default', { scopes: SCOPES });
  expired = await makeKey(edge, 'default', { scopes: SCOPES, expires_at: new Date(Date.now() + 300).toISOString() });
  revoked = await makeKey(edge, 'default', { scopes: SCOPES });
  expect((await edge.send(`/v1/keys/${revoked.id}`, { method: 'DELETE' })).status).toBe(200);
  foreign = await makeKey(edge, 'other', { scopes: SCOPES });
  narrow = await makeKey(edge, 'default', { scopes: SCOPES, corpora: ['elsewhere'] });
  await edge.upload('theirs', [{ id: 'their-example', text: TEXT }]);
  await new Promise((resolve) => setTimeout(resolve, 320));
  const selected = await edge.send('/v1/select', { key: owner.key, body: { corpus: 'theirs', input: TEXT } });
  const { id: selection } = (await selected.json()) as { id: string };
  theirs = { corpus: 'theirs', example: 'their-example', key: owner.id, selection };
});
afterAll(async () => {
  await edge.close();
  await gateway.close();
});

const each = routeNames.map((name): [RouteName] => [name]);

describe('scopes', () => {
  it.each(each)('let a key into %s, and no other', async (name) => {
    const { scopes } = factsOf(name);
    for (const [scope, { key }] of keys) {
      const { status, code, message, headers } = await ask(name, nothing, key);
      if (scopes.includes(scope)) {
        expect({ scope, refused: [401, 403].includes(status) }).toEqual({ scope, refused: false });
      } else {
        expect({ scope, status, code }).toEqual({ scope, status: 403, code: 'insufficient_scope' });
        expect(message).toContain(scopes.join(' or '));
        expect(headers.get('www-authenticate')).toContain(`scope="${scopes.join(' ')}"`);
      }
    }
  });
});

describe('a key that is none', () => {
  it.each(each)('is not let into %s: none, unknown, wrong, expired, revoked', async (name) => {
    const wrong = `${owner.key.slice(0, -1)}${owner.key.endsWith('A') ? 'B' : 'A'}`;
    const unknown = `sk_${'x'.repeat(16)}_${'y'.repeat(43)}`;
    const codes = [];
    for (const key of [null, unknown, wrong, expired.key, revoked.key]) {
      const { status, code } = await ask(name, nothing, key);
      codes.push([status, code]);
    }
    expect(codes).toEqual([
      [401, 'no_key'],
      [401, 'bad_key'],
      [401, 'bad_key'],
      [401, 'key_expired'],
      [401, 'bad_key'],
    ]);
  });
});

describe("what is somebody else's", () => {
  it.each(each.filter(([name]) => !MAKES.has(name)))('does not exist for a foreign tenant at %s', async (name) => {
    const [real, none] = [await ask(name, theirs, foreign.key), await ask(name, nothing, foreign.key)];
    expect([real.status, real.code, real.message]).toEqual([none.status, none.code, none.message]);
    if (!namesNothing(name)) expect(real.status).toBe(404);
  });

  it.each(each)('does not exist for a key of other corpora at %s', async (name) => {
    const [real, none] = [await ask(name, theirs, narrow.key), await ask(name, nothing, narrow.key)];
    expect([real.status, real.code, real.message]).toEqual([none.status, none.code, none.message]);
    if (!namesNothing(name)) expect(real.status).toBe(404);
  });

  it('is still as it was, whatever a foreign tenant makes under the same name', async () => {
    for (const name of MAKES) expect((await ask(name, theirs, foreign.key)).status).toBe(200);
    const corpus = JSON.parse(await (await edge.send('/v1/corpora/theirs')).text());
    expect(corpus).toMatchObject({ examples: 1 });
    expect((await edge.send('/v1/corpora', { key: owner.key })).status).toBe(200);
  });

  it('is in no list', async () => {
    const listed = async (path: string, key: string) => (await edge.send(path, { key })).text();
    expect(await listed('/v1/corpora', owner.key)).toContain('"theirs"');
    // the foreign tenant made a corpus of this name itself, above
    await edge.send('/v1/corpora/theirs', { method: 'DELETE', key: foreign.key });
    for (const key of [foreign.key, narrow.key]) {
      expect(await listed('/v1/corpora', key)).not.toContain('theirs');
      expect(await listed('/v1/keys', key)).not.toContain(owner.id);
    }
    await edge.upload('elsewhere', [{ id: 'a', text: TEXT }]);
    expect(JSON.parse(await listed('/v1/corpora', narrow.key)).data).toEqual([{ object: 'corpus', name: 'elsewhere' }]);
  });

  it('is not the default corpus of a key that may not touch it', async () => {
    const complete = async (key: string) =>
      (await edge.send('/v1/completions', { key, body: { model: 'base:sift', prompt: TEXT } })).status;
    expect([await complete(narrow.key), await complete(owner.key)]).toEqual([404, 200]);
  });

  it('is no adapter: the gateway is told the tenant of the key, whatever the request says', async () => {
    const body = { model: 'base', prompt: 'x' };
    const tenants: unknown[] = [];
    for (const key of [owner.key, foreign.key, KEY, OTHER_KEY]) {
      const before = gateway.requests.length;
      expect((await edge.send('/v1/completions', { key, body })).status).toBe(200);
      tenants.push(...gateway.requests.slice(before).map((seen) => JSON.parse(seen.body).tenant));
    }
    expect(tenants).toEqual(['default', 'other', 'default', 'other']);
    expect((await edge.send('/v1/completions', { body: { ...body, tenant: 'other' } })).status).toBe(400);
  });

  it('is no answer kept under an Idempotency-Key, not even for another key of the tenant', async () => {
    const body = { candidates: [{ id: 'a', text: TEXT }], input: TEXT };
    const replayed = async (key: string) => {
      const response = await edge.send('/v1/select', { key, body, headers: { 'idempotency-key': 'the-same' } });
      await response.text();
      return [response.status, response.headers.get('idempotent-replayed')];
    };
    expect(await replayed(owner.key)).toEqual([200, null]);
    expect(await replayed(owner.key)).toEqual([200, 'true']);
    for (const { key } of [foreign, narrow, keys.get('select') ?? owner])
      expect(await replayed(key)).toEqual([200, null]);
  });

  it('is no metric: the edge has none', async () => {
    for (const key of [owner.key, foreign.key, null]) expect((await edge.send('/metrics', { key })).status).toBe(404);
  });
});
