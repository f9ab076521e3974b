// PyTorch beside us: a Python process that makes the same step when asked, so that both are timed in turn in one run.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const message = z.union([
  z.object({ ready: z.literal(true), torch: z.string() }),
  z.object({ missing: z.string() }),
  z.object({ ms: z.number(), cpu_ms: z.number(), loss: z.number() }),
]);

export interface Torch {
  readonly version: string;
  ask(request: {
    do: 'full' | 'lora' | 'generate';
    ids: readonly number[];
    tokens?: number;
  }): Promise<{ ms: number; cpu_ms: number; loss: number }>;
  close(): void;
}

/** Null, with the reason on stderr, where Python or its packages are missing. SIFT_PYTHON names another interpreter. */
export const startTorch = async (directory: string, threads: number, rank: number): Promise<Torch | null> => {
  const python = process.env.SIFT_PYTHON ?? 'python3';
  const skip = (why: string): null => {
    console.error(
      `skipped: PyTorch's column (${why}); SIFT_PYTHON may name a Python with torch, transformers and peft`,
    );
    return null;
  };
  const script = new URL('torch_step.py', import.meta.url).pathname;
  const child = spawn(python, [script, directory, `${threads}`, `${rank}`], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
  });
  const failed = new Promise<null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('exit', () => resolve(null));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await Promise.race([lines.next(), failed]);
    return line === null || line.done ? null : message.parse(JSON.parse(line.value));
  };
  const first = await next();
  if (first === null) return skip(`${python} cannot run torch_step.py`);
  if ('missing' in first) return skip(first.missing);
  if (!('ready' in first)) return skip('it answered out of turn');
  return {
    version: first.torch,
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const answer = await next();
      if (answer === null || !('ms' in answer)) throw new Error('the Python process ended');
      return answer;
    },
    close: () => child.kill(),
  };
};
