// `npm run keys -- COMMAND`: makes, lists, rotates and revokes the keys of an edge over its HTTP API. What it prints first is
// for people; with --json it is the API's own answer. A new secret is printed this once. The admin's key is better given as
// SIFT_KEY than on the command line, which other users of the machine can read.
import { parseArgs } from 'node:util';
import { errorBody } from '../wire/api/error.ts';
import { type KeyOnWire, keyMade, keyOnWire, keyPage, keyRevoked } from '../wire/api/keys.ts';
import { MAX_PAGE } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { UsageError, whole } from './arguments.ts';
import { runCommand } from './command.ts';

const HELP = `npm run keys -- create | list | rotate ID | revoke ID  [options]
  --server URL          the edge (default http://127.0.0.1:8787)
  --key KEY             a key with the scope admin (default: the variable SIFT_KEY)
  --tenant TENANT       whose keys, for an operator's key (default: the key's own tenant)
  --json                print the API's answer
create:
  --scope SCOPE         read, select, generate, write or admin; repeatable
  --corpus NAME         a corpus that the key may touch; repeatable (default: all)
  --name TEXT           what it is for
  --days N              how long it works (default: without end)
  --rate WHAT=N         requests or steps in a minute; repeatable
  --budget PERIOD.WHAT=N  day, month or total; requests, steps or tokens; repeatable
rotate:
  --grace SECONDS       for which the old secret goes on working (default 0)
`;

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        server: { type: 'string', default: 'http://127.0.0.1:8787' },
        key: { type: 'string' },
        tenant: { type: 'string' },
        scope: { type: 'string', multiple: true, default: [] },
        corpus: { type: 'string', multiple: true, default: [] },
        name: { type: 'string' },
        days: { type: 'string' },
        rate: { type: 'string', multiple: true, default: [] },
        budget: { type: 'string', multiple: true, default: [] },
        grace: { type: 'string', default: '0' },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};
type Values = ReturnType<typeof parse>['values'];

/** WHAT=N */
const amountOf = (option: string, text: string): [what: string, amount: number] => {
  const [, what, amount] = /^([a-z._]+)=(\d+)$/.exec(text) ?? [];
  if (what === undefined) throw new UsageError(`--${option} is '${text}', it must be WHAT=N`);
  return [what, Number(amount)];
};

const budgetsOf = (texts: readonly string[]): Record<string, Record<string, number>> => {
  const budgets: Record<string, Record<string, number>> = {};
  for (const text of texts) {
    const [path, amount] = amountOf('budget', text);
    const [period = '', what = ''] = path.split('.');
    budgets[period] = { ...budgets[period], [what]: amount };
  }
  return budgets;
};

/** The body of POST /v1/keys; what does not fit the edge says itself, in the caller's terms. */
const wishesOf = (values: Values, now: number) => ({
  scopes: values.scope,
  ...(values.corpus.length === 0 ? {} : { corpora: values.corpus }),
  ...(values.name === undefined ? {} : { name: values.name }),
  ...(values.days === undefined
    ? {}
    : { expires_at: new Date(now + whole('days', values.days, 1, 36_500) * 86_400_000).toISOString() }),
  rates: Object.fromEntries(
    values.rate.map((text) => {
      const [what, amount] = amountOf('rate', text);
      return [`${what}_per_minute`, amount];
    }),
  ),
  budgets: budgetsOf(values.budget),
});

const described = ({ id, tenant, name, scopes, corpora, expires_at }: KeyOnWire): string =>
  [
    id,
    tenant,
    scopes.join(','),
    corpora === 'all' ? 'all corpora' : corpora.join(','),
    expires_at === null ? 'no end' : `until ${expires_at}`,
    name ?? '',
  ].join('  ');

/** Asks the edge; an error of its own is a sentence for the user. */
const callerOf = ({ server, key, tenant }: Values) => {
  const secret = key ?? process.env.SIFT_KEY ?? '';
  if (secret === '') throw new UsageError('no key: give --key KEY or set SIFT_KEY');
  if (!URL.canParse(server)) throw new UsageError(`--server is '${server}', it must be a URL`);
  return async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const url = new URL(path, server);
    if (tenant !== undefined) url.searchParams.set('tenant', tenant);
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${secret}` }, ...sent }).catch(
      (error: unknown) => {
        throw new UsageError(`${server} cannot be reached: ${messageOf(error)}`);
      },
    );
    const answer: unknown = await response.json().catch(() => undefined);
    if (response.ok) return answer;
    const parsed = errorBody.safeParse(answer);
    throw new UsageError(parsed.success ? parsed.data.error.message : `${server} answered ${response.status}`);
  };
};

/** What a command prints. */
export const runKeys = async (args: readonly string[], now = Date.now()): Promise<string> => {
  const { values, positionals } = parse(args);
  const [command, id, ...more] = positionals;
  if (values.help) return HELP;
  const needsId = command === 'rotate' || command === 'revoke';
  if (
    more.length > 0 ||
    needsId !== (id !== undefined) ||
    !['create', 'list', 'rotate', 'revoke'].includes(command ?? '')
  ) {
    throw new UsageError('say create, list, rotate ID or revoke ID; --help tells more');
  }
  const ask = callerOf(values);
  const path = `/v1/keys/${encodeURIComponent(id ?? '')}`;
  const printed = (answer: unknown, text: () => string): string =>
    `${values.json ? JSON.stringify(answer, null, 2) : text()}\n`;
  switch (command) {
    case 'create': {
      const answer = keyMade.parse(await ask('POST', '/v1/keys', wishesOf(values, now)));
      return printed(answer, () => `${described(answer)}\n${answer.key}\nThis key is shown once: keep it now.`);
    }
    case 'rotate': {
      const grace_s = whole('grace', values.grace, 0, 86_400);
      const answer = keyMade.parse(await ask('POST', `${path}/rotate`, { grace_s }));
      const until = answer.previous_until === null ? 'works no longer' : `works until ${answer.previous_until}`;
      return printed(answer, () => `${answer.key}\nThis key is shown once. The one before ${until} (60 s to spread).`);
    }
    case 'revoke': {
      const answer = keyRevoked.parse(await ask('DELETE', path));
      return printed(answer, () => `${answer.id} is revoked, and works nowhere after 60 s`);
    }
    default: {
      const data: KeyOnWire[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = new URLSearchParams({ limit: String(MAX_PAGE), cursor });
        const page = keyPage.parse(await ask('GET', `/v1/keys?${query}`));
        data.push(...page.data.map((key) => keyOnWire.parse(key)));
        cursor = page.next_cursor;
      }
      return printed(data, () => (data.length === 0 ? 'no keys' : data.map(described).join('\n')));
    }
  }
};

if (import.meta.main) {
  await runCommand('keys', async () => void process.stdout.write(await runKeys(process.argv.slice(2))));
}
