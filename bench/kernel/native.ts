// Native code beside the kernel: compiles native.c where a C compiler is present, and talks to it by lines.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { at } from '../../wire/list.ts';
import { LAMBDA, makeInputs, PICKS, type Shape } from './inputs.ts';

export interface NativeRun {
  /** Milliseconds for `repetitions` selections, and the picks of the last. */
  run(repetitions: number): Promise<{ ms: number; picks: number[] }>;
  stop(): void;
}

export interface Native {
  open(shape: Shape, rows: 'f32' | 'q15'): Promise<NativeRun>;
  remove(): Promise<void>;
}

/** The compiled program, or why there is none. */
export const compileNative = async (): Promise<Native | { missing: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'sift-bench-'));
  const program = join(folder, 'native');
  const source = fileURLToPath(new URL('native.c', import.meta.url));
  try {
    await promisify(execFile)('cc', ['-O3', '-march=native', source, '-o', program, '-lm']);
  } catch (error) {
    await rm(folder, { recursive: true });
    return { missing: error instanceof Error ? at(error.message.split('\n'), 0) : String(error) };
  }
  return {
    async open(shape, kind) {
      const { rows, query } = makeInputs(shape);
      const input = join(folder, `${kind}-${shape.K}x${shape.d}.f32`);
      await writeFile(input, query);
      await writeFile(input, rows, { flag: 'a' });
      const child = spawn(program, [input, ...[shape.K, shape.d, PICKS, LAMBDA].map(String), kind], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return {
        async run(repetitions) {
          child.stdin.write(`${repetitions}\n`);
          const { value, done } = await lines.next();
          if (done === true) throw new Error('the native program ended');
          const [ns, ...picks] = String(value).split(' ').map(Number);
          if (ns === undefined || Number.isNaN(ns)) throw new Error(`the native program answered '${value}'`);
          return { ms: ns / 1e6, picks };
        },
        stop: () => child.stdin.end(),
      };
    },
    remove: () => rm(folder, { recursive: true }),
  };
};
