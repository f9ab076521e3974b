// The playground in headless Chromium, served by the edge as `npm start` runs it, before a real gateway and a backend of plain
// objects. SIFT_SHOTS=DIR keeps screenshots, of every width in both themes.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium } from '../clients/chromium.ts';
import { type System, startSystem } from '../clients/system.ts';
import { DIMENSIONS, KEY } from '../edge/harness.ts';
import { type Playground, picksOf, playground, seriousOf, soon } from './browser.ts';

const STREAMS = [
  { id: 'stream', text: 'To stream a response, return a ReadableStream as its body.' },
  { id: 'stream-again', text: 'To stream a response, return a ReadableStream as the body.' },
  { id: 'chunks', text: 'How do chunks of a streamed response get written?' },
  { id: 'how', text: 'How do I read a response as a stream?' },
  { id: 'end', text: 'Do I close the stream of a response?' },
  { id: 'cookie', text: 'A cookie is set with a name and a value.' },
  { id: 'router', text: 'The router matches the path of a request.' },
];
const HOSTILE = [
  { id: '<img src=x onerror=alert(1)>', text: '<img src=x onerror="globalThis.hacked=1"> stream a response' },
  {
    id: 'script',
    text: '</script><script>globalThis.hacked=1</script> stream a response',
    source: '"><svg onload=alert(2)>',
  },
  { id: 'bidi', text: 'stream \u202e a response \u2066 reversed', source: '\u202egnp.exe' },
  { id: 'style', text: '<style>body{display:none}</style>{{7*7}} javascript:alert(3) stream' },
];
const PROMPT = 'prompt=How+do+I+stream+a+response%3F';
const STREAMS_VIEW = `corpus=streams&${PROMPT}&n=3`;

const ALL_LOOKS = process.env.SIFT_SHOTS !== undefined || process.env.SIFT_SLOW !== undefined;

const executable = chromium('the playground in a browser');

describe.skipIf(executable === undefined)('the playground', () => {
  let system: System;
  let pages: Playground;
  beforeAll(async () => {
    system = await startSystem();
    await system.edge.upload('streams', STREAMS);
    await system.edge.upload('hostile', HOSTILE);
    pages = await playground(executable ?? '', system.edge.url.origin);
  });
  afterAll(async () => {
    await pages?.close();
    await system?.close();
  });

  it('gives the command that makes the same selection, to the keyboard too', async () => {
    const { page, faults } = await pages.open({ key: KEY, fragment: STREAMS_VIEW });
    await picksOf(page);
    const summary = page.getByText('The same on a command line');
    await summary.focus();
    await page.keyboard.press('Enter');
    const line = await page.getByRole('region', { name: 'Command' }).textContent();
    expect(line).toBe(
      `npx sift-edge select --server ${system.edge.url.origin} --corpus streams --n 3 'How do I stream a response?'`,
    );
    expect(await seriousOf(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('names examples that were uploaded as vectors alone', async () => {
    const one = (i: number) => Array.from({ length: DIMENSIONS }, (_, j) => (i === j ? 1 : 0.1));
    await system.edge.upload(
      'vectors',
      [0, 1, 2].map((i) => ({ id: `vector-${i}`, vector: one(i) })),
    );
    const { page, faults } = await pages.open({ key: KEY, fragment: `corpus=vectors&${PROMPT}&n=2` });
    for (const gist of await picksOf(page)) expect(gist).toMatch(/^vector-\d$/);
    expect(faults).toEqual([]);
  });

  describe('asks for a key', () => {
    it('once a tab, tells a wrong one, and keeps none in the address', async () => {
      const { page, faults } = await pages.open({ fragment: STREAMS_VIEW });
      await page.getByLabel('API key').fill('sk-wrong');
      await page.getByRole('button', { name: 'Use this key' }).click();
      await soon(() => page.getByRole('alert').allInnerTexts()).toContain('The edge does not accept this key.');
      expect(await page.evaluate(() => ({ ...sessionStorage }))).toEqual({});
      await page.getByLabel('API key').fill(KEY);
      await page.keyboard.press('Enter');
      expect((await picksOf(page)).length).toBe(3);
      await page.reload();
      expect((await picksOf(page)).length).toBe(3);
      expect(page.url()).not.toContain(KEY);
      expect(await page.evaluate(() => localStorage.length + document.cookie.length)).toBe(0);
      await page.getByRole('button', { name: 'Forget the key' }).click();
      await page.getByLabel('API key').waitFor();
      expect(await page.evaluate(() => ({ ...sessionStorage }))).toEqual({});
      expect(faults).toEqual([]);
    });

    it('or takes it out of the address', async () => {
      const { page } = await pages.open({ key: KEY, fragment: STREAMS_VIEW });
      expect(page.url()).not.toContain(KEY);
      expect((await picksOf(page)).length).toBe(3);
      await page.evaluate((key) => {
        location.hash = `${location.hash}&key=${key}`;
      }, KEY);
      await soon(() => page.url()).not.toContain(KEY);
    });
  });

  describe('selects', () => {
    it('beside nearest neighbours and MMR, and says what was passed over', async () => {
      const { page, faults } = await pages.open({ key: KEY, fragment: `corpus=streams&${PROMPT}&n=4` });
      const [sift, nn] = [await picksOf(page), await picksOf(page, 'nn')];
      const copies = (texts: string[]) => texts.filter((text) => text.startsWith('To stream a response')).length;
      expect([copies(sift), copies(nn)]).toEqual([1, 2]);
      expect(await page.locator('.words').textContent()).toMatch(
        /4 picks explain .* passed over 1 of the 4 nearest, which repeats a pick/,
      );
      expect(await page.locator('.list.nn .badge.only').count()).toBe(1);
      expect(await page.locator('.map .point').count()).toBe(STREAMS.length);
      expect(await page.locator('.curve polyline').count()).toBe(3);
      expect(faults).toEqual([]);
    });

    it('anew when a setting moves, once it is still', async () => {
      const { page } = await pages.open({ key: KEY, fragment: STREAMS_VIEW });
      await picksOf(page);
      const asked: unknown[] = [];
      page.on('request', (request) => {
        if (!request.url().endsWith('/v1/select')) return;
        const { n, strategy } = request.postDataJSON();
        if (strategy === undefined) asked.push(n);
      });
      await page.getByLabel('Picks (n)').focus();
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
      await soon(() => page.locator('.list.sift li').count()).toBe(4);
      expect(asked.at(-1)).toBe(4);
      expect(asked.length).toBeLessThan(3);
    });

    it('the same view from its address, and says when that is no longer kept', async () => {
      const own = STREAMS.map(({ id, text }) => ({ id: `link-${id}`, text }));
      await system.edge.upload('links', own);
      const first = await pages.open({ key: KEY, fragment: `corpus=links&${PROMPT}&n=3` });
      const picks = await picksOf(first.page);
      await soon(() => first.page.url()).toContain('#s=sel_');
      const fragment = new URL(first.page.url()).hash.slice(1);
      const posts: string[] = [];
      const before = async (page: (typeof first)['page']) =>
        page.on('request', (request) => {
          if (request.url().endsWith('/v1/select')) posts.push(String(request.postDataJSON().strategy));
        });
      const second = await pages.open({ key: KEY, fragment, before });
      expect(await picksOf(second.page)).toEqual(picks);
      expect(posts.sort()).toEqual(['mmr', 'nn']);

      const taken = own.find(({ text }) => text === picks[0])?.id;
      await system.edge.send(`/v1/corpora/links/examples/${taken}`, { method: 'DELETE' });
      const third = await pages.open({ key: KEY, fragment });
      await third.page.getByText('this one is made anew').waitFor();
      expect(await picksOf(third.page)).not.toContain(picks[0]);
    });

    it('without an example that was deleted from a pick', async () => {
      await system.edge.upload('shrinking', STREAMS);
      const { page } = await pages.open({ key: KEY, fragment: `corpus=shrinking&${PROMPT}&n=2` });
      const [first = ''] = await picksOf(page);
      await page.locator('.list.sift summary').first().click();
      await page.locator('.list.sift').getByRole('button', { name: 'Delete from the corpus' }).first().click();
      await page.getByRole('button', { name: 'Delete it for good' }).click();
      await soon(() => page.locator('.list.sift li .gist').first().textContent()).not.toBe(first);
      expect(await picksOf(page)).not.toContain(first);
    });
  });

  describe('answers', () => {
    it('before and after, side by side, with the losses of the steps', async () => {
      system.backend({ pieces: ['Hel', 'lo'] });
      const { page, faults } = await pages.open({ key: KEY, fragment: STREAMS_VIEW });
      await picksOf(page);
      await page.getByRole('button', { name: 'Answer', exact: true }).click();
      await soon(() => page.locator('.answer .text').allInnerTexts()).toEqual(['Hello', 'Hello']);
      await soon(() => page.locator('.answer .stage').allInnerTexts()).toEqual(['done', 'done']);
      expect(await page.locator('.answer .losses circle').count()).toBe(3);
      await page.getByText('Measure it on a text').click();
      await page.getByLabel('What a good answer is').fill('Return a ReadableStream.');
      await page.getByRole('button', { name: 'Measure' }).click();
      await page.getByText(/bits per byte before/).waitFor();
      expect(faults).toEqual([]);
    });

    it('until it is stopped, which ends the work', async () => {
      const backend = system.backend();
      const pause = backend.pauseAt('piece');
      const { page } = await pages.open({ key: KEY, fragment: STREAMS_VIEW });
      await picksOf(page);
      await page.getByRole('button', { name: 'Answer', exact: true }).click();
      await pause.reached;
      await page.getByRole('button', { name: 'Stop' }).click();
      await backend.ended();
      await soon(() => page.locator('.answer .stage').allInnerTexts()).toEqual(['stopped', 'stopped']);
    });
  });

  describe('puts text in', () => {
    it('from a paste and from files, and says what was refused', async () => {
      const { page, faults } = await pages.open({ key: KEY, fragment: STREAMS_VIEW });
      await page.getByRole('button', { name: 'Corpus', exact: true }).click();
      await page.getByLabel('Into the corpus').fill('mine');
      await page.getByLabel('Or paste text').fill('Penguins stream past the camera. A response of theirs is loud.');
      await page.getByRole('button', { name: 'Add the pasted text' }).click();
      await page.getByText('Done: 1 new').waitFor();
      await page.getByLabel('Text files').setInputFiles([
        { name: 'walrus.md', mimeType: 'text/markdown', buffer: Buffer.from('The walrus streams too.') },
        { name: 'image.png', mimeType: 'image/png', buffer: Buffer.from([137, 80, 0, 1]) },
        {
          name: 'lines.jsonl',
          mimeType: 'text/plain',
          buffer: Buffer.from('{"text":"A seal."}\n{"id":"x","text":""}\nno'),
        },
      ]);
      await page.getByText('Done: 2 new').waitFor();
      const refused = await page.locator('.refused li').allInnerTexts();
      expect(refused.length).toBe(3);
      expect(refused.join('\n')).toMatch(/image\.png: is no text[\s\S]*lines\.jsonl, line 3: is not JSON[\s\S]*x: /);
      await page.getByLabel('Search').fill('WALRUS');
      await soon(() => page.locator('.examples li').count()).toBe(1);
      await page.locator('.examples summary').click();
      await page.locator('.examples').getByRole('button', { name: 'Delete from the corpus' }).click();
      await page.getByRole('button', { name: 'Delete it for good' }).click();
      await soon(() => page.locator('.examples li').count()).toBe(0);
      await page.getByRole('button', { name: 'Select and answer' }).click();
      await soon(() => page.locator('.list.sift li').count()).toBe(2);
      expect(faults).toEqual([]);
    });

    it('by dropping a file', async () => {
      const { page } = await pages.open({ key: KEY, fragment: 'corpus=dropped' });
      await page.getByRole('button', { name: 'Corpus', exact: true }).click();
      const dropped = await page.evaluateHandle(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(['A dropped text.'], 'dropped.txt'));
        return transfer;
      });
      await page.dispatchEvent('.upload', 'drop', { dataTransfer: dropped });
      await page.getByText('Done: 1 new').waitFor();
    });
  });

  describe('shows errors', () => {
    const failing = (path: string, status: number, error: object) => (page: import('playwright-core').Page) =>
      page.route(`**${path}`, (route) =>
        status === 0
          ? route.abort()
          : route.fulfill({ status, contentType: 'application/json', body: JSON.stringify({ error }) }),
      );

    it('of an edge that does not answer', async () => {
      const { page } = await pages.open({ key: KEY, fragment: STREAMS_VIEW, before: failing('/v1/select', 0, {}) });
      await page.getByText('The edge does not answer').waitFor();
    });

    it('of a gateway that is away, and selects all the same', async () => {
      const error = { message: 'the gateway cannot be reached', type: 'server_error', code: 'gateway_unreachable' };
      const { page } = await pages.open({
        key: KEY,
        fragment: STREAMS_VIEW,
        before: failing('/v1/models', 502, error),
      });
      await page
        .getByText('No model can be asked: the gateway cannot be reached. Selections work without one.')
        .waitFor();
      expect((await picksOf(page)).length).toBe(3);
    });

    it('of a deletion that a key may not make', async () => {
      const made = await system.edge.send('/v1/keys', { body: { scopes: ['read', 'select'] } });
      const { key } = await made.json();
      const { page } = await pages.open({ key, fragment: STREAMS_VIEW });
      const picks = await picksOf(page);
      await page.locator('.list.sift summary').first().click();
      await page.locator('.list.sift').getByRole('button', { name: 'Delete from the corpus' }).first().click();
      await page.getByRole('button', { name: 'Delete it for good' }).click();
      await page.getByText('This key may not do that').waitFor();
      expect(await picksOf(page)).toEqual(picks);
    });

    it('of a corpus that is not there, and of an edge without one', async () => {
      const { page } = await pages.open({ key: KEY, fragment: `corpus=nowhere&${PROMPT}` });
      await page.getByRole('alert').filter({ hasText: 'nowhere' }).waitFor();
      const made = await system.edge.send('/v1/keys', { body: { scopes: ['read', 'select'], corpora: ['nothing'] } });
      const { key } = await made.json();
      const other = await pages.open({ key });
      await other.page.getByText('This edge has no corpus yet').waitFor();
    });
  });

  it('shows texts of a hostile corpus as text', async () => {
    const { page, faults } = await pages.open({ key: KEY, fragment: `corpus=hostile&${PROMPT}&n=4` });
    const shown = (await picksOf(page)).join('\n');
    expect(shown).toContain('<img src=x onerror="globalThis.hacked=1">');
    expect(shown).toContain('</script><script>');
    for (const summary of await page.locator('.list.sift summary').all()) await summary.click();
    await page.getByRole('button', { name: 'Corpus', exact: true }).click();
    await page.locator('.examples summary').first().click();
    expect(await page.locator('img, #app script, #app style').count()).toBe(0);
    expect(await page.evaluate(() => 'hacked' in globalThis)).toBe(false);
    // a mark of writing direction ends with its text
    expect(await page.locator('.gist > :not(bdi)').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('can be used with the keyboard alone', async () => {
    const { page } = await pages.open({ key: KEY, fragment: STREAMS_VIEW });
    await picksOf(page);
    const focused = () => page.evaluate(() => document.activeElement?.closest('.list.sift summary') !== null);
    for (let tabs = 0; tabs < 30 && !(await focused()); tabs++) await page.keyboard.press('Tab');
    expect(await focused()).toBe(true);
    await page.keyboard.press('Enter');
    expect(await page.locator('.list.sift details[open]').count()).toBe(1);
  });

  const looks = [
    { width: 360, dark: false },
    { width: 1280, dark: true },
    { width: 2560, dark: false },
  ];
  const others = looks.map(({ width, dark }) => ({ width, dark: !dark }));

  describe.each([...looks, ...(ALL_LOOKS ? others : [])])('at $width pixels, dark: $dark', ({ width, dark }) => {
    it('fits, and axe has nothing serious', async () => {
      const shot = async (name: string) => {
        const directory = process.env.SIFT_SHOTS;
        if (directory === undefined) return;
        await page.screenshot({
          path: join(directory, `${name}-${width}-${dark ? 'dark' : 'light'}.png`),
          fullPage: true,
        });
      };
      const gate = await pages.open({ width, dark });
      await gate.page.getByLabel('API key').waitFor();
      expect(await seriousOf(gate.page)).toEqual([]);
      system.backend();
      const { page, faults } = await pages.open({ key: KEY, fragment: STREAMS_VIEW, width, dark });
      await picksOf(page);
      await page.locator('.list.sift summary').first().click();
      await page.getByRole('button', { name: 'Answer', exact: true }).click();
      await soon(() => page.locator('.answer .stage').allInnerTexts()).toEqual(['done', 'done']);
      const overflow = () =>
        page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(await overflow()).toBe(0);
      expect(await seriousOf(page)).toEqual([]);
      await shot('select');
      await page.getByRole('button', { name: 'Corpus', exact: true }).click();
      await page.locator('.examples summary').first().click();
      expect(await overflow()).toBe(0);
      expect(await seriousOf(page)).toEqual([]);
      await shot('corpus');
      expect(faults).toEqual([]);
    });
  });
});
