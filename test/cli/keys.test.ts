// `npm run keys`: what it asks the edge for, and what it prints. The edge is a server of this file.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../cli/arguments.ts';
import { runKeys } from '../../cli/keys.ts';

const NOW = Date.parse('2026-11-26T00:00:00Z');
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
const run = (...args: string[]) => runKeys([...args, '--server', url, '--key', 'admin'], NOW);

describe('npm run keys', () => {
  it('makes a key as wished for, and prints its secret', async () => {
    answers = [{ status: 201, body: { ...KEY, key: 'sk_the_secret' } }];
    const wishes = ['--scope', 'select', '--scope', 'read', '--corpus', 'docs', '--name', 'Edge', '--days', '2'];
    const bounds = ['--rate', 'steps=60', '--budget', 'day.steps=5', '--budget', 'day.tokens=9', '--tenant', 'acme'];
    expect(await run('create', ...wishes, ...bounds)).toContain('\nsk_the_secret\n');
    expect(asked).toEqual([
      {
        what: 'POST /v1/keys?tenant=acme',
        key: 'Bearer admin',
        body: {
          ...{ scopes: ['select', 'read'], corpora: ['docs'], name: 'Edge', expires_at: '2026-11-28T00:00:00.000Z' },
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
    expect(await run('list')).toMatch(/^abcdefgh01234567 {2}acme {2}select {2}docs .*\n.*all corpora/);
    expect(asked.map(({ what }) => what)).toEqual([
      'GET /v1/keys?limit=1000&cursor=',
      `GET /v1/keys?limit=1000&cursor=${KEY.id}`,
    ]);
    answers = [...pages];
    expect(JSON.parse(await run('list', '--json'))).toHaveLength(2);
  });

  it('rotates with a grace, and revokes', async () => {
    answers = [
      { status: 200, body: { ...KEY, key: 'sk_new', previous_until: '2026-11-26T00:01:00Z' } },
      { status: 200, body: { object: 'key', id: KEY.id, revoked: true } },
    ];
    expect(await run('rotate', KEY.id, '--grace', '60')).toContain('works until 2026-11-26T00:01:00Z');
    expect(await run('revoke', KEY.id)).toContain('is revoked');
    expect(asked.map(({ what, body }) => [what, body])).toEqual([
      [`POST /v1/keys/${KEY.id}/rotate`, { grace_s: 60 }],
      [`DELETE /v1/keys/${KEY.id}`, null],
    ]);
  });

  it('says what the edge refused, in its words', async () => {
    const error = {
      message: "scopes: 'root' is not known",
      type: 'invalid_request_error',
      code: 'bad_field',
      param: 'x',
    };
    answers = [
      { status: 400, body: { error } },
      { status: 502, body: 'oops' },
    ];
    await expect(run('create', '--scope', 'root')).rejects.toThrow(new UsageError(error.message));
    await expect(run('list')).rejects.toThrow('answered 502');
    await expect(runKeys(['list', '--server', 'http://127.0.0.1:1', '--key', 'x'])).rejects.toThrow(
      'cannot be reached',
    );
  });

  it.each<[string[], RegExp]>([
    [[], /say create/],
    [['make'], /say create/],
    [['rotate'], /say create/],
    [['list', 'x'], /say create/],
    [['revoke', 'a', 'b'], /say create/],
    [['create', '--budget', 'steps'], /--budget is 'steps'/],
    [['create', '--days', '0'], /--days is '0'/],
    [['create', '--scopes', 'x'], /--scopes/],
    [['rotate', 'x', '--grace', '90000'], /--grace/],
  ])('refuses %j', async (args, message) => {
    await expect(run(...args)).rejects.toThrow(message);
    await expect(run(...args)).rejects.toBeInstanceOf(UsageError);
    expect(asked).toEqual([]);
  });

  it('needs a key', async () => {
    await expect(runKeys(['list', '--server', url, '--key', ''])).rejects.toThrow('no key');
  });
});
