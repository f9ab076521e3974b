// The commands that are programs of their own: what is typed goes there, and their ends come back.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = (...args: string[]) =>
  spawnSync(process.execPath, ['cli/bin.mjs', ...args], { cwd: ROOT, encoding: 'utf8' });

it('passes arguments on to eval, and its end back', () => {
  expect(run('eval', '--quick', '--prompts', 'x')).toMatchObject({
    status: 2,
    stderr: 'eval: --prompts x needs a --corpus to learn from\n',
  });
  expect(run('eval', '--help').stdout).toContain('npm run eval');
});

it('passes arguments on to bench, and its end back', () => {
  expect(run('bench', 'nothing', '--quick')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/NAME is one of: .*kernel/),
  });
});
