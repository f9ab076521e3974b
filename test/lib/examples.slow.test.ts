// examples/, each in its own runtime, against everything that `npm start` runs.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../../local/bundle.ts';
import { type Runtime, startWorkerd } from '../../local/workerd.ts';
import { chromium } from '../clients/chromium.ts';
import { startTestStack, type TestStack } from '../stack.ts';
import { type Application, application } from './installed.ts';
import { runtime } from './runtime.ts';

const deno = runtime('deno');
const bun = runtime('bun');
const executable = chromium('the examples in a browser');

let stack: TestStack;
let app: Application;
beforeAll(async () => {
  [stack, app] = await Promise.all([startTestStack(), application()]);
  const examples = [
    { id: 'router', text: 'The router matches the path of a request.' },
    { id: 'timer', text: 'The timer calls a function again.' },
  ];
  await stack.client.ingest('docs', examples);
});
afterAll(async () => {
  await stack?.end();
  await app?.remove();
});

/** What a program prints; what it says on stderr fails the test. */
const printed = async (command: string, args: readonly string[]): Promise<string> => {
  const env = { ...process.env, NODE_OPTIONS: '', SIFT_SERVER: stack.edge, SIFT_KEY: stack.key, NO_COLOR: '1' };
  const options = { cwd: app.directory, env, timeout: 50_000 };
  const { stdout, stderr } = await promisify(execFile)(command, args, options);
  expect(stderr).toBe('');
  return stdout;
};

const kinds = [
  { name: 'node', command: process.execPath, args: [], ask: [] },
  ...(deno === undefined ? [] : [{ name: 'deno', command: deno, args: ['run'], ask: ['--allow-env', '--allow-net'] }]),
  ...(bun === undefined ? [] : [{ name: 'bun', command: bun, args: [], ask: [] }]),
];

describe.each(kinds)('$name', ({ name, command, args, ask }) => {
  it('selects with the kernel alone', async () => {
    const lines = (await printed(command, [...args, `${name}/kernel.mjs`])).trim().split('\n');
    // the copy of the first is passed over
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['0', '2']);
  });

  it('ingests, selects, and streams a completion', async () => {
    const out = await printed(command, [...args, ...ask, `${name}/client.mjs`]);
    const [picks, ...text] = out.split('\n');
    expect(picks).toBe('router');
    expect(text.join('\n').length).toBeGreaterThan(0);
  });
});

it('selects from an index in Node', async () => {
  const out = await printed(process.execPath, ['node/pool.mjs']);
  expect(out).toContain('what the prompt asks (+1)\nwhat else it asks (+0)');
});

describe('worker', () => {
  let worker: Runtime;
  beforeAll(async () => {
    // as wrangler bundles it: the condition `workerd` takes the kernel as a module
    const modules = await bundle(join(app.directory, 'worker/index.js'));
    expect(Object.keys(modules).some((name) => name.endsWith('.wasm'))).toBe(true);
    const vars = { SIFT_SERVER: stack.edge, SIFT_KEY: stack.key, SIFT_CORPUS: 'docs' };
    worker = await startWorkerd([{ name: 'example', modules, vars }]);
  });
  afterAll(() => worker?.stop());

  it('selects with the kernel alone', async () => {
    const picks = (await (await fetch(new URL('/kernel', worker.url))).json()) as { index: number }[];
    expect(picks.map(({ index }) => index)).toEqual([0, 2]);
  });

  it('asks the edge, and passes on what it refuses', async () => {
    const answer = await fetch(new URL('/?q=How does a router match?', worker.url));
    const picks = (await answer.json()) as { id: string }[];
    expect(picks.map(({ id }) => id).sort()).toEqual(['router', 'timer']);
    const refused = await fetch(new URL('/?q=', worker.url));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: expect.stringContaining('input') });
  });
});

describe.runIf(executable !== undefined)('browser', () => {
  let server: ChildProcess;
  let browser: Browser;
  let address: string;
  beforeAll(async () => {
    const env = { ...process.env, PORT: '0' };
    server = spawn(process.execPath, ['browser/server.mjs'], {
      cwd: app.directory,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (server.stdout === null) throw new Error('the server has no stdout');
    [address] = (await once(createInterface(server.stdout), 'line')) as [string];
    // Chromium's sandbox does not run as root, as containers do; the page is our own
    browser = await playwright.launch({ executablePath: executable ?? '', args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    server?.kill();
  });

  it('selects with the kernel alone, and asks the edge', async () => {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(address);
    await expect.poll(() => page.textContent('#kernel')).toBe('0,2');
    await page.fill('[name=url]', stack.edge);
    await page.fill('[name=key]', stack.key);
    await page.fill('[name=corpus]', 'docs');
    await page.click('button');
    await expect.poll(() => page.textContent('#edge')).toContain('router');
    await page.fill('[name=key]', 'sk-wrong');
    await page.click('button');
    await expect.poll(() => page.textContent('#edge')).toContain('SiftError');
    expect(problems).toEqual([]);
  });
});

it('has every example in the table of examples/README.md', async () => {
  const root = new URL('../../examples/', import.meta.url);
  const text = await readFile(new URL('README.md', root), 'utf8');
  const programs = (await readdir(root, { recursive: true })).filter((path) => path.endsWith('.mjs'));
  expect(programs.length).toBeGreaterThan(6);
  expect(programs.filter((path) => !text.includes(path.replaceAll('\\', '/')))).toEqual([]);
});
