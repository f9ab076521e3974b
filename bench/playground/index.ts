// `npm run bench -- playground [--json] [--quick]`: what a browser waits for when it opens the playground: bytes over the wire,
// first paint, the page ready for a key, and from a key to the first selection with everything beside it. Headless Chromium
// (CHROMIUM names one) on the machine that also runs the edge; each page in a context of its own, with nothing cached.
import { readdir, readFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { ingest } from '../../cli/index.ts';
import { createClient } from '../../client/index.ts';
import { SITE } from '../../site/build.ts';
import { KEY, startBenchEdge, starterExamples } from '../edge.ts';
import { quantile } from '../statistics.ts';

const EXAMPLES = 1_000;

const bytes = async (): Promise<number> => {
  const files = ['index.html', ...(await readdir(join(SITE, 'playground'))).map((name) => `playground/${name}`)];
  const sizes = await Promise.all(files.map(async (name) => gzipSync(await readFile(join(SITE, name))).length));
  return sizes.reduce((sum, size) => sum + size, 0);
};

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
  });
  const pages = values.quick ? 3 : 15;
  const edge = await startBenchEdge('starter');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const examples = await starterExamples();
    await ingest(createClient({ baseURL: edge.url, key: KEY }), 'starter', examples.slice(0, EXAMPLES));
    const paint: number[] = [];
    const selected: number[] = [];
    for (let i = 0; i <= pages; i++) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(edge.url);
      await page.locator('#key').waitFor();
      const first = await page.evaluate(
        () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      );
      await page.locator('#key').fill(KEY);
      const from = performance.now();
      await page.keyboard.press('Enter');
      await page.locator('.selection[aria-busy=false] .list.sift li').first().waitFor();
      // the first page warms the Worker
      if (i > 0) paint.push(first);
      if (i > 0) selected.push(performance.now() - from);
      await context.close();
    }
    const rows = { paint, selected };
    const figures = Object.fromEntries(
      Object.entries(rows).map(([name, times]) => [name, { p50: quantile(times, 0.5), most: Math.max(...times) }]),
    );
    const about = { machine: cpus()[0]?.model, cores: cpus().length, load: loadavg()[0], node: process.version };
    const told = { ...about, browser: browser.version(), pages, gzip_bytes: await bytes(), ms: figures };
    if (values.json) return console.log(JSON.stringify(told));
    console.log(
      `${told.machine}, ${told.cores} cores, load ${told.load?.toFixed(1)}, Chromium ${told.browser}, ${pages} pages`,
    );
    console.log(`${told.gzip_bytes} bytes compressed, in all`);
    const line = (name: string, ms: { p50: number; most: number } | undefined): void =>
      console.log(`${name}: median ${ms?.p50.toFixed(0)} ms, longest ${ms?.most.toFixed(0)} ms`);
    line('first contentful paint', figures.paint);
    line('from the key to the selection, comparison and map (350 ms of stillness included)', figures.selected);
  } finally {
    await browser.close();
    await edge.close();
  }
};
