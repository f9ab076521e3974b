// The table of docs/reference/api.md, a row a route.
import { codeOf, type Fault, statusOf } from '../faults.ts';
import { EVERY_ROUTE, factsOf, type RouteName, routeNames } from './routes.ts';

const bytes = (limit: number): string =>
  limit % 2 ** 20 === 0 ? `${limit / 2 ** 20} MiB` : limit % 1024 === 0 ? `${limit / 1024} KiB` : `${limit / 1e6} MB`;

/** `404 unknown_corpus, unknown_example; 502 vectorize` */
const failures = (kinds: readonly Fault['kind'][]): string => {
  const byStatus = Map.groupBy(kinds, statusOf);
  return [...byStatus]
    .sort(([one], [other]) => one - other)
    .map(([status, of]) => `${status} ${[...new Set(of.map(codeOf))].map((code) => `\`${code}\``).join(', ')}`)
    .join('; ');
};

const row = (name: RouteName): string => {
  const { scopes, summary, body, limits, errors } = factsOf(name);
  const taken = body === undefined ? [] : [`${body.type === 'json' ? 'JSON' : 'NDJSON'}, ${bytes(body.limit)}`];
  const limited = [...taken, ...(limits === undefined ? [] : [limits])].join('; ');
  const cells = [`\`${name}\``, scopes.map((one) => `\`${one}\``).join(' or '), summary, limited, failures(errors)];
  return `| ${cells.join(' | ')} |`;
};

/** The table of docs/reference/api.md. */
export const routesTable = (): string =>
  [
    '| route | scope | answers | body and limits | errors of its own |',
    '|---|---|---|---|---|',
    ...routeNames.map(row),
    '',
    `Every route: ${failures(EVERY_ROUTE)}.`,
  ].join('\n');
