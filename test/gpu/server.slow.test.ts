// The GPU server (gateway/gpu, Python) on a CPU: its own tests under pytest, the unmodified Tinker SDK against a server that
// runs as a process, and how such a process ends among them. Each of pytest's tests is a test here. Skipped, with a line
// that says so, where Python lacks the packages (test/requirements.txt).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { python } from '../python.ts';

const DIRECTORY = fileURLToPath(new URL('../../gateway/gpu/', import.meta.url));
const MODULES = ['torch', 'transformers', 'peft', 'tinker', 'starlette', 'uvicorn', 'pydantic', 'zstandard'];
const interpreter = python('the GPU server', [...MODULES, 'prometheus_client', 'httpx', 'pytest']);

/** Every thread that PyTorch would start would wait for the other's. */
const env = { ...process.env, OMP_NUM_THREADS: '1', SIFT_NODE: process.execPath, TINKER_TELEMETRY: '0' };

interface Outcome {
  readonly name: string;
  readonly result: string;
}

/** Runs all of pytest's tests. */
const runPytest = async (command: string): Promise<{ outcomes: Outcome[]; output: string }> => {
  const args = ['-m', 'pytest', '-v', '--color=no', '-p', 'no:cacheprovider', 'tests'];
  const child = spawn(command, args, {
    cwd: DIRECTORY,
    env: { ...env, COLUMNS: '200' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await once(child, 'close');
  const lines = output.matchAll(/^tests\/(\S+\.py::.+?) (PASSED|FAILED|ERROR|SKIPPED)\b/gm);
  return { outcomes: Array.from(lines, ([, name = '', result = '']) => ({ name, result })), output };
};

if (interpreter === undefined) {
  describe.skip('the GPU server', () => {
    it('needs Python with the packages of test/requirements.txt', () => {});
  });
} else {
  const { outcomes, output } = await runPytest(interpreter);

  describe('pytest in gateway/gpu', () => {
    it('runs', () => {
      expect(outcomes.length, output).toBeGreaterThan(60);
      expect(outcomes.filter(({ name }) => name.startsWith('test_sdk.py')).length).toBeGreaterThanOrEqual(2);
    });
    it.each(outcomes)('$name', ({ result }) => {
      expect(result, output.slice(output.indexOf('= FAILURES'))).toMatch(/PASSED|SKIPPED/);
    });
  });
}
