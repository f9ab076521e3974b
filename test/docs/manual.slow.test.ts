// The built manual, served by the edge: its links, its search, its policy, and axe. Skipped where VitePress is not installed
// (`npm ci --prefix site/manual`); the parts in a browser also where there is no Chromium.
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANUAL } from '../../site/build.ts';
import { installed, pagesOf } from '../../site/manual/build.ts';
import { pages as path } from '../../site/manual/path.ts';
import { chromium } from '../clients/chromium.ts';
import { type Edge, startEdge } from '../edge/harness.ts';
import { seriousOf } from '../site/browser.ts';

const there = await installed();
if (!there)
  process.stderr.write('skipped: the built manual (site/manual has no VitePress; npm ci --prefix site/manual)\n');
const executable = there ? chromium('the built manual in a browser') : undefined;

let edge: Edge;
let browser: Browser | undefined;
let built: readonly string[] = [];
beforeAll(async () => {
  if (!there) return;
  // test/setup.ts has made it
  built = await pagesOf(MANUAL);
  edge = await startEdge();
  if (executable !== undefined)
    browser = await playwright.launch({ executablePath: executable, args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

const get = (address: string): Promise<Response> =>
  edge.send(address, { key: null, redirect: 'manual', headers: { accept: 'text/html' } });
const addressOf = (page: string): string => `/docs/${page.replace(/(index)?\.html$/, '')}`;

/** A page, and what went wrong on it so far. */
const open = async (address: string, dark = false) => {
  if (browser === undefined) throw new Error('there is no browser');
  const context = await browser.newContext({ colorScheme: dark ? 'dark' : 'light' });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') faults.push(line.text());
  });
  page.on('requestfailed', (request) => {
    // what was fetched ahead ends when another page is opened
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') faults.push(`${request.url()}: ${why}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(edge.url.origin) && !request.url().startsWith('data:')) faults.push(request.url());
  });
  const go = async (to: string): Promise<void> => {
    await page.goto(new URL(to, edge.url).href);
    // Vue has taken the page over
    await page.waitForFunction(() => '__vue_app__' in (document.querySelector('#app') ?? {}));
  };
  await go(address);
  return { page, go, faults, close: () => context.close() };
};

describe.skipIf(!there)('the built manual', () => {
  it('has a page for every one of docs/, and one for what is not there', () => {
    const expected = path.map(({ link }) => `${link.slice(1) || 'index'}.html`);
    expect([...built].sort()).toEqual([...expected, '404.html'].sort());
  });

  it('has no script and no style sheet in a page, and nothing from elsewhere', async () => {
    for (const page of built) {
      const html = await readFile(join(MANUAL, page), 'utf8');
      expect([
        page,
        html.match(/<script(?![^>]*\ssrc=)[^>]*>|<style|\son\w+="|(?:src|<link[^>]+href)="https?:/),
      ]).toEqual([page, null]);
    }
  });

  it('links to pages, headings and files that the edge serves', async () => {
    const texts = new Map(
      await Promise.all(
        built.map(async (page) => [addressOf(page), await readFile(join(MANUAL, page), 'utf8')] as const),
      ),
    );
    const faults: string[] = [];
    const files = new Set<string>();
    for (const [address, html] of texts) {
      for (const [, link = ''] of html.matchAll(/\s(?:href|src)="([^"]+)"/g)) {
        if (/^(https?|data|mailto):/.test(link)) continue;
        const [to = '', anchor] = link.split('#');
        const target =
          to === '' ? address : posix.resolve(posix.dirname(`${address}x`), to) + (to.endsWith('/') ? '/' : '');
        const text = texts.get(target);
        if (text === undefined) files.add(target);
        else if (anchor && !text.includes(`id="${decodeURIComponent(anchor)}"`)) faults.push(`${address}: ${link}`);
      }
    }
    for (const file of files) {
      const { status } = await get(file);
      if (status !== 200) faults.push(`${file}: ${status}`);
    }
    expect(faults).toEqual([]);
    expect(files.size).toBeGreaterThan(20);
  });

  it('passes on the licences of what it holds', async () => {
    const text = await (await get('/docs/licences.txt')).text();
    for (const name of ['vue ', '@vue/runtime-dom ', 'vitepress ', 'minisearch ']) expect(text).toContain(`\n${name}`);
    expect(text).toContain('Permission is hereby granted');
  });

  it('is served at its addresses, deep ones too, and says where there is nothing', async () => {
    for (const page of ['index.html', 'start.html', 'design/kernel.html', 'reference/limits.html']) {
      const response = await get(addressOf(page));
      expect([page, response.status, response.headers.get('content-type')]).toEqual([
        page,
        200,
        'text/html; charset=utf-8',
      ]);
    }
    const nothing = await get('/docs/nothing/here');
    expect([nothing.status, await nothing.text()]).toEqual([404, expect.stringContaining('404')]);
    expect(nothing.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect((await get('/docs/api/')).status).toBe(200);
  });
});

describe.skipIf(executable === undefined)('the built manual in Chromium', () => {
  it('loads every page without an error, under its policy', async () => {
    const { go, faults, close } = await open('/docs/');
    const wrong: Record<string, string[]> = {};
    for (const page of built.filter((name) => name !== '404.html')) {
      await go(addressOf(page));
      const found = faults.splice(0);
      if (found.length > 0) wrong[page] = found;
    }
    await close();
    expect(wrong).toEqual({});
  });

  it('goes from page to page by its side bar, and finds words by its search', async () => {
    const { page, faults, close } = await open('/docs/');
    await page.locator('.VPSidebar a', { hasText: 'SIFT, by hand' }).click();
    await page.waitForURL('**/docs/how-it-works');
    await page.locator('h1', { hasText: 'How SIFT works' }).waitFor();
    await page.locator('.VPNavBarSearch button').first().click();
    await page.locator('#localsearch-input').fill('idempotency');
    const results = page.locator('.VPLocalSearchBox .result');
    await results.first().waitFor();
    expect(await results.allInnerTexts()).toContainEqual(expect.stringMatching(/idempotency/i));
    await results.first().click();
    await page.waitForURL(/keys|api|errors|limits|storage|configuration/);
    expect(faults).toEqual([]);
    await close();
  });

  it.each(['/docs/', '/docs/how-it-works', '/docs/reference/api'])(
    '%s has no serious finding of axe, in both themes',
    async (address) => {
      for (const dark of [false, true]) {
        const { page, close } = await open(address, dark);
        expect(await page.locator('html').evaluate((html) => html.classList.contains('dark'))).toBe(dark);
        expect(await seriousOf(page)).toEqual([]);
        await close();
      }
    },
  );
});
