// The table of routes is whole: what is mounted under /v1 is in it, with a scope, and docs/reference/api.md says what it says.
import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { factsOf, type RouteName, routeNames } from '../../wire/api/routes.ts';
import { routesTable } from '../../wire/api/routes-table.ts';
import { SCOPES } from '../../wire/api/scope.ts';

// what workerd alone has; no route is called here
vi.mock('cloudflare:workers', () => ({ DurableObject: class {} }));
vi.mock('../../functions/kernel/module.workerd.ts', () => ({}));
vi.mock('../../functions/embedding/choose.ts', () => ({}));

interface Mounted {
  readonly method: string;
  readonly path: string;
}
const load = (path: string): Promise<object> => import(path);
const { default: app } = (await load('../../functions/index.ts')) as { default: { routes: readonly Mounted[] } };

/** `/v1/models/:name{.+}` as the table writes it. */
const asInTable = ({ method, path }: Mounted): string => `${method} ${path.replaceAll(/:(\w+)(\{\.\+\})?/g, '{$1}')}`;
const mounted = new Set(
  app.routes.filter(({ path, method }) => path.startsWith('/v1/') && method !== 'ALL').map(asInTable),
);

describe('the table of routes', () => {
  it('holds every route that is mounted under /v1, and no other', () => {
    expect([...mounted].sort()).toEqual([...routeNames].sort());
    expect(mounted.size).toBeGreaterThan(10);
  });

  it('leaves nothing under /v1 to a route for every method, but what stands before all of them', () => {
    const forAll = app.routes.filter(({ path, method }) => method === 'ALL' && path !== '/*');
    expect(new Set(forAll.map(({ path }) => path))).toEqual(new Set(['/v1/*']));
  });

  it.each(routeNames.map((name): [RouteName] => [name]))('says which scopes let a key into %s', (name) => {
    const { scopes } = factsOf(name);
    expect(scopes.length).toBeGreaterThan(0);
    expect(scopes.filter((scope) => !SCOPES.includes(scope))).toEqual([]);
  });

  it('is what docs/reference/api.md says (node cli/routes.ts --write)', () => {
    const docs = readFileSync(new URL('../../docs/reference/api.md', import.meta.url), 'utf8');
    expect(/<!-- routes -->\n([\s\S]*)\n<!-- end of routes -->/.exec(docs)?.[1]).toBe(routesTable());
  });
});
