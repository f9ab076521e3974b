// How the edge serves the manual and the API's description from its files, in a clone that has built the manual and in one
// that has not.
import { readFile } from 'node:fs/promises';
import { type Handler, Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { asFault, toWire } from '../../wire/faults.ts';

// typed by the Worker's globals, which Node's side does not have
const load = (path: string): Promise<object> => import(path);
const { siteRoute } = (await load('../../functions/site/route.ts')) as { siteRoute: Handler };

const API = { '/docs/api/': 'the viewer', '/': 'the playground' };
const MANUAL = { '/docs/': 'what it is', '/docs/start': 'five minutes', '/docs/404': 'no such page' };

const serving = (files: Readonly<Record<string, string>>) => {
  const app = new Hono();
  app.get('/*', siteRoute);
  app.onError((error) => {
    const { status, body } = toWire(asFault(error));
    return Response.json(body, { status });
  });
  const ASSETS = {
    fetch: async (request: Request) => {
      const text = files[new URL(request.url).pathname];
      return text === undefined
        ? new Response(null, { status: 404 })
        : new Response(text, { headers: { 'content-type': 'text/html' } });
    },
  };
  return (path: string, accept = 'text/html') => app.request(path, { headers: { accept } }, { ASSETS });
};
const policyOf = (response: Response): string => response.headers.get('content-security-policy') ?? '';

describe('the manual', () => {
  const get = serving({ ...API, ...MANUAL });

  it('is served at /docs/, deep links too, under a policy that runs no script of a page', async () => {
    for (const path of ['/docs/', '/docs/start']) {
      const page = await get(path);
      expect([page.status, await page.text()]).toEqual([200, MANUAL[path as keyof typeof MANUAL]]);
      expect(policyOf(page)).toContain("script-src 'self';");
      expect(policyOf(page)).toContain("style-src 'self';");
      expect(policyOf(page)).toContain("default-src 'none'");
    }
  });

  it('answers an address that it does not have with its own page to a reader, with an error to a program', async () => {
    const page = await get('/docs/nowhere');
    expect([page.status, await page.text()]).toEqual([404, 'no such page']);
    expect(policyOf(page)).toContain("script-src 'self';");
    const error = await get('/docs/nowhere', '*/*');
    expect([error.status, await error.json()]).toMatchObject([404, { error: { code: 'not_found' } }]);
  });

  it('leaves the rest as it is', async () => {
    expect(await (await get('/docs/api/')).text()).toBe('the viewer');
    expect((await get('/docs/api/nothing')).headers.get('content-type')).toContain('application/json');
    expect(policyOf(await get('/'))).toContain('trusted-types');
  });
});

describe('a build without the manual', () => {
  const get = serving({ ...API, '/docs/': 'not built', '/docs/404': 'not built' });

  it('says so to whoever reads a page of it, and goes on answering programs', async () => {
    for (const path of ['/docs/', '/docs/start', '/docs/reference/api']) {
      const page = await get(path);
      expect([page.status, await page.text()]).toEqual([path === '/docs/' ? 200 : 404, 'not built']);
    }
    expect((await get('/docs/start', '*/*')).headers.get('content-type')).toContain('application/json');
  });

  it('has that page, which leads on, from npm start', async () => {
    const text = await readFile(new URL('../../site/no-manual.html', import.meta.url), 'utf8');
    expect(text).toContain('npm run docs');
    expect(Array.from(text.matchAll(/<a href="([^"]+)"/g), ([, to]) => to)).toEqual(['/', '/docs/api/']);
    // its policy runs no script and no style of a page
    expect(text).not.toMatch(/<script|<style|style="/);
  });
});
