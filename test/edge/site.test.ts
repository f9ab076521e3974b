// What the edge shows without a key: its description, and the page that renders it from files of its own.
import { chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routeNames } from '../../wire/api/routes.ts';
import { chromium } from '../clients/chromium.ts';
import { type Edge, startEdge } from './harness.ts';

const browser = chromium('the page that shows the API');

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

const get = (path: string, init: RequestInit = {}) => edge.send(path, { key: null, ...(init as object) });

describe('the documentation of the edge', () => {
  it('is served as OpenAPI 3.1', async () => {
    const response = await get('/openapi.json');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ openapi: '3.1.0', paths: { '/v1/select': { post: {} } } });
  });

  it('is a page whose scripts and styles all come from the edge itself', async () => {
    expect((await get('/docs', { redirect: 'manual' })).headers.get('location')).toBe('/docs/');
    const page = await get('/docs/api/');
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, file = '']) => file);
    expect(files.length).toBe(3);
    expect(html).not.toMatch(/<script(?![^>]*src=)|https?:/);
    for (const file of files) {
      const answer = await get(`/docs/api/${file}`);
      expect([file, answer.status]).toEqual([file, 200]);
      expect(answer.headers.get('content-type')).toMatch(/javascript|css/);
      expect((await answer.text()).length).toBeGreaterThan(100);
    }
  });

  it.skipIf(browser === undefined)('renders every route in Chromium, under its own policy', async () => {
    const running = await playwright.launch({ executablePath: browser ?? '', args: ['--no-sandbox'] });
    try {
      const page = await running.newPage();
      const wrong: string[] = [];
      page.on('pageerror', (error) => wrong.push(error.message));
      page.on('console', (line) => {
        if (line.type() === 'error') wrong.push(line.text());
      });
      await page.goto(new URL('/docs/api/', edge.url).href);
      await page.waitForSelector('.opblock');
      expect(await page.locator('.opblock').count()).toBe(routeNames.length);
      expect(wrong).toEqual([]);
    } finally {
      await running.close();
    }
  });

  it('has no other files, and hides no route behind them', async () => {
    const missing = await get('/docs/api/nothing.js');
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ error: { code: 'not_found' } });
    expect((await get('/v1/models')).status).toBe(401);
  });

  it('begins with the playground, under a policy without anything inline', async () => {
    const page = await get('/');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("style-src 'self';");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain('unsafe');
    const files = [...(await page.text()).matchAll(/(?:src|href)="(playground\/[^"]+)"/g)].map(([, file = '']) => file);
    expect(files.length).toBe(3);
    for (const file of files) expect([file, (await get(`/${file}`)).status]).toEqual([file, 200]);
    expect((await get('/playground/nothing.js')).status).toBe(404);
  });
});
