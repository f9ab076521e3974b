// The programs and commands of the pages, run as they stand against everything that `npm start` runs. On the pages that are
// followed step by step every block runs, in order, unless its first line says `not-run`; on any other page those that say
// `run`. A block ```text output below one is what it prints.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES } from '../clients/system.ts';
import { edgeAt } from '../edge/harness.ts';
import { python } from '../python.ts';
import { startTestStack, type TestStack } from '../stack.ts';
import { type Block, blocksOf, pageText } from './blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const interpreter = python('the Python of docs/clients.md', ['openai']);

/** What runs a block of this language from its standard input; undefined: nothing here does. */
const RUNNERS: Readonly<Record<string, readonly [string, ...string[]] | undefined>> = {
  sh: ['sh', '-se'],
  js: [process.execPath, '--input-type=module', '-'],
  ts: [process.execPath, '--input-type=module-typescript', '-'],
  python: interpreter === undefined ? undefined : [interpreter, '-'],
};
const FOLLOWED = ['start', 'own-text', 'clients', 'client', 'how-it-works'];
const place = (page: string): number => (FOLLOWED.includes(page) ? FOLLOWED.indexOf(page) : FOLLOWED.length);

const pages = readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => name.slice(0, -'.md'.length).replaceAll('\\', '/'))
  .sort((one, other) => place(one) - place(other) || one.localeCompare(other));

interface Run extends Block {
  readonly output: string | undefined;
}
const runOf = (blocks: readonly Block[]): Run[] =>
  blocks.flatMap((block, index) => {
    const runs = FOLLOWED.includes(block.page) ? !block.marks.includes('not-run') : block.marks.includes('run');
    const next = blocks[index + 1];
    const output = next?.marks.includes('output') ? next.text : undefined;
    return runs && block.language in RUNNERS ? [{ ...block, output }] : [];
  });
const runs = pages
  .map((page) => [page, runOf(blocksOf(page, pageText(page)))] as const)
  .filter(([, of]) => of.length > 0);

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
  const edge = edgeAt(new URL(stack.edge));
  // `docs` is the corpus of the examples, `starter` the one that npm start brings
  for (const corpus of ['docs', 'starter']) await edge.upload(corpus, EXAMPLES, stack.key);
});
afterAll(() => stack?.end());

const run = async ([command, ...args]: readonly [string, ...string[]], text: string) => {
  const { edge, key } = stack;
  const own = { SIFT_SERVER: edge, SIFT_KEY: key };
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...own }, stdio: 'pipe' });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (piece) => (said[name] += piece));
  child.stdin.end(text);
  const [status] = await once(child, 'close');
  return { status, ...said };
};

it('finds a block for every client, and some on each page that is followed', () => {
  const found = new Map(runs);
  expect(found.get('clients')?.map(({ section, language }) => `${section}: ${language}`)).toEqual([
    'curl: sh',
    'openai, JavaScript: js',
    'openai, Python: python',
    'AI SDK: js',
    'LangChain, JavaScript: js',
  ]);
  expect(FOLLOWED.filter((page) => !found.has(page))).toEqual([]);
});

describe.each(runs)('docs/%s.md', (_, blocks) => {
  const runnable = blocks.filter(({ language }) => RUNNERS[language] !== undefined);
  it.each(runnable)('$section', async ({ language, text, output }) => {
    const runner = RUNNERS[language];
    if (runner === undefined) throw new Error(`nothing runs ${language}`);
    const { status, stdout, stderr } = await run(runner, text);
    expect([status, stderr, stdout]).toEqual([0, expect.not.stringContaining('Error'), expect.stringMatching(/\S/)]);
    expect(stdout).not.toContain('"error":{');
    if (output !== undefined) expect(stdout).toBe(output);
    // whatever tells what was selected for the question about routers tells this
    if (text.includes('.picks') || (language === 'sh' && text.includes('router match')))
      expect(stdout + stderr).toContain('router');
  });
});
