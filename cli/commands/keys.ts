// `sift-edge keys`: makes, lists, rotates and revokes the keys of an edge. A new secret is printed this once.
import type { z } from 'zod';
import type { KeyOnWire, keyMade, keyPage, keyRevoked } from '../../wire/api/keys.ts';
import { SCOPES } from '../../wire/api/scope.ts';
import { MAX_KEY_GRACE_S, MAX_PAGE } from '../../wire/limits.ts';
import { UsageError } from '../../wire/usage.ts';
import type { Command, Flag, Given } from './command.ts';
import { number, given as only, text, texts } from './values.ts';

const TENANT: Flag = { flags: '--tenant <tenant>', summary: "whose keys, for an operator's key (default: its own)" };
const ID = { name: '<id>', summary: 'the 16 characters between the underscores of a key' } as const;
const DAY_MS = 86_400_000;

const ask = async <T>(given: Given, method: string, path: string, body?: unknown): Promise<T> => {
  const tenant = text(given.values, 'tenant');
  const query = tenant === undefined ? '' : `${path.includes('?') ? '&' : '?'}tenant=${encodeURIComponent(tenant)}`;
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const options = { ...sent, signal: given.console.signal, repeatable: false };
  return (await (await given.client({ retries: 0 }).request(method, path + query, options)).json()) as T;
};
const pathOf = ({ positionals: [id] }: Given): string => `/v1/keys/${encodeURIComponent(String(id))}`;

const described = ({ id, tenant, name, scopes, corpora, expires_at }: KeyOnWire): string =>
  [
    id,
    tenant,
    scopes.join(','),
    corpora === 'all' ? 'all corpora' : corpora.join(','),
    expires_at === null ? 'no end' : `until ${expires_at}`,
    name ?? '',
  ].join('  ');

const create: Command = {
  name: 'create',
  summary: 'make a key; its secret is shown once',
  remote: true,
  flags: [
    { flags: '--scope <scope>', summary: 'what it may do', many: true, values: SCOPES },
    { flags: '--corpus <name>', summary: 'a corpus that it may touch (default: all)', many: true },
    { flags: '--name <text>', summary: 'what it is for' },
    { flags: '--days <count>', summary: 'how long it works (default: without end)' },
    { flags: '--rate <what=n>', summary: 'requests or steps in a minute', many: true },
    {
      flags: '--budget <period.what=n>',
      summary: 'day, month or total; requests, steps or tokens',
      many: true,
    },
    TENANT,
  ],
  examples: ['sift-edge keys create --scope select --scope generate --corpus docs --days 90 --name "web app"'],
  async run(given) {
    const { console, values } = given;
    const { budgetsOf, ratesOf } = await import('../keys/budget.ts');
    const days = number(values, 'days', { least: 1, most: 36_500 });
    const corpora = texts(values, 'corpus');
    // what does not fit the edge says itself, in the caller's terms
    const wishes = {
      scopes: texts(values, 'scope'),
      ...only({
        corpora: corpora.length === 0 ? undefined : corpora,
        name: text(values, 'name'),
        expires_at: days === undefined ? undefined : new Date(Date.now() + days * DAY_MS).toISOString(),
      }),
      rates: ratesOf(texts(values, 'rate')),
      budgets: budgetsOf(texts(values, 'budget')),
    };
    if (texts(values, 'scope').length === 0) {
      throw new UsageError(`--scope is missing: what may the key do? One or more of ${SCOPES.join(', ')}`);
    }
    const made = await ask<z.output<typeof keyMade>>(given, 'POST', '/v1/keys', wishes);
    console.say(described(made), made.key, 'This key is shown once: keep it now.');
    console.emit(made);
    return undefined;
  },
};

const list: Command = {
  name: 'list',
  summary: 'all keys, without their secrets',
  remote: true,
  flags: [TENANT],
  async run(given) {
    let count = 0;
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = new URLSearchParams({ limit: String(MAX_PAGE), cursor });
      const page: z.output<typeof keyPage> = await ask(given, 'GET', `/v1/keys?${query}`);
      for (const key of page.data) {
        given.console.say(described(key));
        given.console.emit(key);
      }
      count += page.data.length;
      cursor = page.next_cursor;
    }
    if (count === 0) given.console.say('no keys');
    return undefined;
  },
};

const rotate: Command = {
  name: 'rotate',
  summary: 'give a key a new secret, under the same id',
  remote: true,
  positionals: [ID],
  flags: [
    {
      flags: '--grace <seconds>',
      summary: `for which the old secret goes on working, up to ${MAX_KEY_GRACE_S}`,
      fallback: '0',
    },
    TENANT,
  ],
  async run(given) {
    const grace_s = number(given.values, 'grace', { least: 0, most: MAX_KEY_GRACE_S });
    const made = await ask<z.output<typeof keyMade>>(given, 'POST', `${pathOf(given)}/rotate`, { grace_s });
    const until = made.previous_until === null ? 'works no longer' : `works until ${made.previous_until}`;
    given.console.say(made.key, `This key is shown once. The one before ${until} (60 s to spread).`);
    given.console.emit(made);
    return undefined;
  },
};

const revoke: Command = {
  name: 'revoke',
  summary: 'end a key',
  remote: true,
  positionals: [ID],
  flags: [TENANT],
  async run(given) {
    const answer = await ask<z.output<typeof keyRevoked>>(given, 'DELETE', pathOf(given));
    given.console.say(`${answer.id} is revoked, and works nowhere after 60 s`);
    given.console.emit(answer);
    return undefined;
  },
};

export const keys: Command = {
  name: 'keys',
  summary: 'make, list, rotate and revoke keys (needs a key with the scope admin)',
  subcommands: [create, list, rotate, revoke],
};
