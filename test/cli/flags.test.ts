// The flags that commands share: what each takes, what it refuses in one line, and how cores are divided without them.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { serve } from '../../cli/commands/serve.ts';
import { shareCores } from '../../cli/cores.ts';
import { EXIT } from '../../cli/exit.ts';
import { type Options, optionsOf } from '../../cli/options.ts';
import { runTyped } from './typed.ts';

/** What `sift-edge serve` would start with, and how the command line ends. */
const typed = async (...args: string[]) => {
  let options: Options | undefined;
  const run = async ({ values }: Parameters<NonNullable<typeof serve.run>>[0]): Promise<undefined> => {
    options = optionsOf(values, process.env);
  };
  const { code, stdout, stderr } = await runTyped(['serve', ...args], { commands: [{ ...serve, run }] });
  return { code, stdout, stderr, options };
};
const parsed = async (...args: string[]): Promise<Options> => {
  const { options, stderr } = await typed(...args);
  if (options === undefined) throw new Error(stderr);
  return options;
};
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the flags of npm start', () => {
  it('leave what they do not name to the model and the machine', async () => {
    const options = await parsed();
    expect(options).toMatchObject({ given: {}, probe: true });
    for (const name of ['workers', 'threads', 'deadlineMs']) expect(options).not.toHaveProperty(name);
  });

  it('say how the model is tuned, on how many cores, and how long a request may take', async () => {
    const flags = '--method lora --learning-rate 3e-4 --rank 16 --workers 2 --threads 3 --deadline 90 --no-probe';
    expect(await parsed(...flags.split(' '))).toMatchObject({
      given: { method: 'lora', learningRate: 3e-4, rank: 16 },
      workers: 2,
      threads: 3,
      deadlineMs: 90_000,
      probe: false,
    });
  });

  it('come before the variable SIFT_DEADLINE', async () => {
    vi.stubEnv('SIFT_DEADLINE', '45');
    expect((await parsed()).deadlineMs).toBe(45_000);
    expect((await parsed('--deadline', '50')).deadlineMs).toBe(50_000);
    vi.stubEnv('SIFT_DEADLINE', 'soon');
    const said = "SIFT_DEADLINE is 'soon', it must be a whole number of seconds from 1 to 290";
    await expect(parsed()).rejects.toThrow(said);
  });

  it.each([
    [['--nonsense'], "unknown option '--nonsense'"],
    [['--n', '0'], "--n is '0', it must be a whole number from 1 to 200"],
    [['--port', 'http'], "--port is 'http'"],
    [['--port', '9000', '--gateway-port', '9000'], '--port and --gateway-port are both 9000'],
    [['--prompt', 'a', '--prompt-file', 'b'], 'give --prompt or --prompt-file, not both'],
    [['--prompt', ' '], '--prompt is empty'],
    [['--method', 'qlora'], "argument 'qlora' is invalid. Allowed choices are full, lora"],
    [['--learning-rate', '0'], "--learning-rate has '0', a learning rate is from 1e-12 to 1"],
    [['--learning-rate', '2'], "--learning-rate has '2'"],
    [['--learning-rate', ''], "--learning-rate has ''"],
    [['--learning-rate', 'auto'], "--learning-rate has 'auto'"],
    [['--rank', '257'], "--rank is '257', it must be a whole number from 1 to 256"],
    [['--rank', '8', '--method', 'full'], '--rank 8 is of LoRA, it cannot go with --method full'],
    [['--threads', '0'], "--threads is '0', it must be a whole number from 1 to 64"],
    [['--workers', '65'], "--workers is '65', it must be a whole number from 1 to 64"],
    [['--deadline', '291'], "--deadline is '291', it must be a whole number of seconds from 1 to 290"],
    [['--deadline', '1.5'], "--deadline is '1.5'"],
    [['--deadline', '-1'], 'deadline'],
  ])('refuse %j in one line, with exit code 2', async (args, message) => {
    const { code, stderr, options } = await typed(...args);
    expect(options).toBeUndefined();
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('are all in the help', async () => {
    const { stdout, code } = await typed('--help');
    expect(code).toBe(EXIT.ok);
    for (const flag of ['method', 'learning-rate', 'rank', 'threads', 'workers', 'deadline', 'no-probe']) {
      expect(stdout).toContain(`  --${flag} `);
    }
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });
});

describe('the cores of a machine', () => {
  it.each([
    ['two for the bundled model', {}, true, 2, { workers: 2, threads: 1 }],
    ['sixteen for the bundled model', {}, true, 16, { workers: 4, threads: 4 }],
    ['two for another model, which is held once', {}, false, 2, { workers: 1, threads: 2 }],
    ['many for another model', {}, false, 64, { workers: 1, threads: 8 }],
    ['one', {}, true, 1, { workers: 1, threads: 1 }],
    ['more workers than cores, as given', { workers: 4 }, false, 2, { workers: 4, threads: 1 }],
    ['threads as given', { threads: 2 }, true, 4, { workers: 2, threads: 2 }],
    ['more threads than cores, as given', { threads: 4 }, true, 2, { workers: 1, threads: 4 }],
    ['both as given', { workers: 3, threads: 5 }, true, 2, { workers: 3, threads: 5 }],
  ] as const)('are divided: %s', (_, given, isBundled, cores, share) => {
    expect(shareCores(given, isBundled, cores)).toEqual(share);
  });
});
