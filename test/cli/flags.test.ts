// The flags that commands share: what each takes, what it refuses in one line, and how cores are divided without them.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { shareCores } from '../../cli/cores.ts';
import { HELP, type Options, parseOptions } from '../../cli/options.ts';
import { UsageError } from '../../wire/usage.ts';

const parsed = (...args: string[]): Options => {
  const options = parseOptions(args);
  if (options === 'help') throw new Error('help was not asked for');
  return options;
};
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the flags of npm start', () => {
  it('leave what they do not name to the model and the machine', () => {
    const options = parsed();
    expect(options).toMatchObject({ given: {}, probe: true });
    for (const name of ['workers', 'threads', 'deadlineMs']) expect(options).not.toHaveProperty(name);
  });

  it('say how the model is tuned, on how many cores, and how long a request may take', () => {
    const flags = '--method lora --learning-rate 3e-4 --rank 16 --workers 2 --threads 3 --deadline 90 --no-probe';
    expect(parsed(...flags.split(' '))).toMatchObject({
      given: { method: 'lora', learningRate: 3e-4, rank: 16 },
      workers: 2,
      threads: 3,
      deadlineMs: 90_000,
      probe: false,
    });
  });

  it('come before the variable SIFT_DEADLINE', () => {
    vi.stubEnv('SIFT_DEADLINE', '45');
    expect(parsed().deadlineMs).toBe(45_000);
    expect(parsed('--deadline', '50').deadlineMs).toBe(50_000);
    vi.stubEnv('SIFT_DEADLINE', 'soon');
    expect(() => parsed()).toThrow("SIFT_DEADLINE is 'soon', it must be a whole number of seconds from 1 to 290");
  });

  it.each([
    [['--colour'], "Unknown option '--colour'"],
    [['--n', '0'], "--n is '0', it must be a whole number from 1 to 200"],
    [['--port', 'http'], "--port is 'http'"],
    [['--port', '9000', '--gateway-port', '9000'], '--port and --gateway-port are both 9000'],
    [['--prompt', 'a', '--prompt-file', 'b'], 'give --prompt or --prompt-file, not both'],
    [['--prompt', ' '], '--prompt is empty'],
    [['--method', 'qlora'], "--method is 'qlora', it must be full or lora"],
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
  ])('refuse %j in one line', (args, message) => {
    const refused = (): unknown => parseOptions(args);
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(message);
  });

  it('are all in the help', () => {
    for (const flag of ['method', 'learning-rate', 'rank', 'threads', 'workers', 'deadline', 'no-probe']) {
      expect(HELP).toContain(`  --${flag} `);
    }
    for (const line of HELP.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
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
