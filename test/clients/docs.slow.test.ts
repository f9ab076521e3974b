// The sections of docs/clients.md, run as they stand against everything that `npm start` runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeAt } from '../edge/harness.ts';
import { python } from '../python.ts';
import { startTestStack, type TestStack } from '../stack.ts';
import { EXAMPLES } from './system.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const interpreter = python('docs/clients.md in Python', ['openai']);

/** What runs a block of this language from its standard input; undefined: nothing here does. */
const RUNNERS: Readonly<Record<string, readonly [string, ...string[]] | undefined>> = {
  sh: ['sh', '-s'],
  js: [process.execPath, '--input-type=module', '-'],
  python: interpreter === undefined ? undefined : [interpreter, '-'],
};

interface Block {
  readonly section: string;
  readonly language: string;
  readonly text: string;
}

const blocks: Block[] = readFileSync(`${ROOT}docs/clients.md`, 'utf8')
  .split(/^## /m)
  // the first part tells how to set the two variables
  .slice(1)
  .flatMap((part) =>
    Array.from(part.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm), ([, language = '', text = '']) => ({
      section: part.slice(0, part.indexOf('\n')),
      language,
      text,
    })),
  );

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
  await edgeAt(new URL(stack.edge)).upload('docs', EXAMPLES, stack.key);
});
afterAll(() => stack?.end());

const run = async ([command, ...args]: readonly [string, ...string[]], text: string) => {
  const env = { ...process.env, SIFT_BASE_URL: `${stack.edge}/v1`, SIFT_KEY: stack.key };
  const child = spawn(command, args, { cwd: ROOT, env, stdio: 'pipe' });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (piece) => (said[name] += piece));
  child.stdin.end(text);
  const [status] = await once(child, 'close');
  return { status, ...said };
};

describe('docs/clients.md', () => {
  it('has a block for every client', () => {
    expect(blocks.map(({ section, language }) => `${section}: ${language}`)).toEqual([
      'curl: sh',
      'openai, JavaScript: js',
      'openai, Python: python',
      'AI SDK: js',
      'LangChain, JavaScript: js',
    ]);
  });

  it.each(blocks.filter(({ language }) => RUNNERS[language] !== undefined))('$section', async ({ language, text }) => {
    const runner = RUNNERS[language];
    if (runner === undefined) throw new Error(`nothing runs ${language}`);
    const { status, stdout, stderr } = await run(runner, text);
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
    expect(stdout.trim()).not.toBe('');
    // whatever tells what was selected tells this
    if (text.includes('.picks') || language === 'sh') expect(stdout + stderr).toContain('router');
  });
});
