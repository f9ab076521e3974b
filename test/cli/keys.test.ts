// `sift-edge keys`, which `npm run keys` is: what it asks the edge for, and what it prints. The edge is a server of this file.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit.ts';
import { runTyped, type Typed } from './typed.ts';

const KEY = {
  ...{ object: 'key', id: 'abcdefgh01234567', tenant: 'acme', name: 'Edge', scopes: ['select'], corpora: ['docs'] },
  ...{ created_at: '2026-11-26T00:00:00Z', expires_at: null, previous_until: null, rates: {}, budgets: {} },
};

let server: Server;
let url: string;
let asked: { what: string; key: string | undefined; body: unknown }[];
let answers: { status: number; body: unknown }[];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { method, url: path, headers } = request;
    asked.push({ what: `${method} ${path}`, key: headers.authorization, body: text === '' ? null : JSON.parse(text) });
    const { status, body } = answers.shift() ?? { status: 500, body: 'nothing' };
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  asked = [];
  answers = [];
});
const run = (...args: string[]): Promise<Typed> =>
  runTyped(['keys', ...args], { env: { SIFT_SERVER: url, SIFT_KEY: 'admin' } });

describe('sift-edge keys', () => {
  it('makes a key as wished for, and prints its secret', async () => {
    answers = [{ status: 201, body: { ...KEY, key: 'sk_the_secret' } }];
    const wishes = ['--scope', 'select', '--scope', 'read', '--corpus', 'docs', '--name', 'Edge', '--days', '2'];
    const bounds = ['--rate', 'steps=60', '--budget', 'day.steps=5', '--budget', 'day.tokens=9', '--tenant', 'acme'];
    const before = Date.now();
    expect((await run('create', ...wishes, ...bounds)).stdout).toContain('\nsk_the_secret\n');
    const { expires_at } = (asked[0]?.body ?? {}) as { expires_at: string };
    const days = (Date.parse(expires_at) - before) / 86_400_000;
    expect(days).toBeGreaterThanOrEqual(2);
    expect(days).toBeLessThan(2.01);
    expect(asked).toEqual([
      {
        what: 'POST /v1/keys?tenant=acme',
        key: 'Bearer admin',
        body: {
          ...{ scopes: ['select', 'read'], corpora: ['docs'], name: 'Edge', expires_at },
          ...{ rates: { steps_per_minute: 60 }, budgets: { day: { steps: 5, tokens: 9 } } },
        },
      },
    ]);
  });

  it('lists all pages, in words or as JSON', async () => {
    const pages = [
      { status: 200, body: { object: 'list', data: [KEY], next_cursor: KEY.id } },
      { status: 200, body: { object: 'list', data: [{ ...KEY, corpora: 'all' }], next_cursor: null } },
    ];
    answers = [...pages];
    expect((await run('list')).stdout).toMatch(/^abcdefgh01234567 {2}acme {2}select {2}docs .*\n.*all corpora/);
    expect(asked.map(({ what }) => what)).toEqual([
      'GET /v1/keys?limit=1000&cursor=',
      `GET /v1/keys?limit=1000&cursor=${KEY.id}`,
    ]);
    answers = [...pages];
    expect((await run('list', '--json')).lines.map(({ id }) => id)).toEqual([KEY.id, KEY.id]);
    answers = [{ status: 200, body: { object: 'list', data: [], next_cursor: null } }];
    expect((await run('list')).stdout).toBe('no keys\n');
  });

  it('rotates with a grace, and revokes', async () => {
    answers = [
      { status: 200, body: { ...KEY, key: 'sk_new', previous_until: '2026-11-26T00:01:00Z' } },
      { status: 200, body: { object: 'key', id: KEY.id, revoked: true } },
    ];
    expect((await run('rotate', KEY.id, '--grace', '60')).stdout).toContain('works until 2026-11-26T00:01:00Z');
    expect((await run('revoke', KEY.id)).stdout).toContain('is revoked');
    expect(asked.map(({ what, body }) => [what, body])).toEqual([
      [`POST /v1/keys/${KEY.id}/rotate`, { grace_s: 60 }],
      [`DELETE /v1/keys/${KEY.id}`, null],
    ]);
  });

  it('says what the edge refused, in its words', async () => {
    const error = {
      message: 'scopes: the key lacks it',
      type: 'invalid_request_error',
      code: 'bad_field',
      param: 'x',
    };
    answers = [
      { status: 400, body: { error } },
      { status: 502, body: 'oops' },
    ];
    const refused = await run('create', '--scope', 'read');
    expect([refused.code, refused.stderr]).toEqual([EXIT.failed, `sift-edge: ${error.message}\n`]);
    const odd = await run('list');
    expect([odd.code, odd.stderr]).toEqual([EXIT.tryAgain, 'sift-edge: the edge answered 502\n']);
  });

  it.each<[string[], RegExp]>([
    [['make'], /unknown command 'make'/],
    [['rotate'], /missing required argument 'id'/],
    [['list', 'x'], /too many arguments/],
    [['revoke', 'a', 'b'], /too many arguments/],
    [['create'], /--scope is missing: .* read, select, generate, write, admin/],
    [['create', '--budget', 'steps'], /--budget is 'steps'/],
    [['create', '--scope', 'read', '--budget', 'day=3'], /--budget is 'day=3', it must be PERIOD\.WHAT=N/],
    [['create', '--days', '0'], /--days is '0'/],
    [['create', '--scopes', 'x'], /unknown option '--scopes'/],
    [['create', '--scope', 'root'], /argument 'root' is invalid/],
    [['rotate', 'x', '--grace', '90000'], /--grace is '90000'/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toMatch(message);
    expect(asked).toEqual([]);
  });

  it('says which keys commands there are where none is named', async () => {
    const { code, stderr } = await run();
    expect(code).toBe(EXIT.usage);
    expect(stderr).toMatch(/create[\s\S]*list[\s\S]*rotate[\s\S]*revoke/);
  });

  it('needs a key', async () => {
    const { code, stderr } = await runTyped(['keys', 'list', '--server', url], {});
    expect([code, stderr]).toEqual([
      EXIT.auth,
      'sift-edge: no key: give --key KEY or set SIFT_KEY (serve prints the key of this machine when it starts)\n',
    ]);
  });
});
