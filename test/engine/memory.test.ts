// Memory: the estimate of what a step takes, what a machine or control group has left, and work refused before it begins.
import { describe, expect, it } from 'vitest';
import { memoryAvailable } from '../../gateway/backends/embedded/available.ts';
import { requireMemory } from '../../gateway/backends/embedded/fit.ts';
import { readArchitecture, readWeights } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { memoryNeed } from '../../gateway/backends/embedded/model/memory.ts';
import { sequenceFeeds, weightFeeds } from '../../gateway/backends/embedded/model/model.ts';
import { createTraining, sliceOf } from '../../gateway/backends/embedded/model/training.ts';
import { floats, ints } from '../../gateway/backends/embedded/runtime.ts';
import { asFault, toWire } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';
import { golden } from './variants.ts';

const architecture = await readArchitecture(golden('llama'));
const full = { model: 'm', method: 'full', rank: 0 } as const;
const caught = (act: () => void) => {
  try {
    act();
  } catch (error) {
    return asFault(error);
  }
  return undefined;
};

describe('the memory that may still be taken', () => {
  const meminfo = 'MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:    600 kB\n';
  const reading = (files: Record<string, string>) => memoryAvailable((path) => files[path]);

  it('is what the machine has available, where no control group limits it', () => {
    const files = { '/proc/meminfo': meminfo, '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/memory.max': 'max\n' };
    expect(reading(files)).toEqual({ available: 600 * 1024, total: 1000 * 1024 });
  });

  it('is what the tightest control group around the process leaves, with its page cache', () => {
    const files = {
      '/proc/meminfo': meminfo,
      '/proc/self/cgroup': '0::/a/b\n',
      '/sys/fs/cgroup/a/b/memory.max': 'max\n',
      '/sys/fs/cgroup/a/b/memory.current': '90000\n',
      '/sys/fs/cgroup/a/memory.max': '100000\n',
      '/sys/fs/cgroup/a/memory.current': '95000\n',
      '/sys/fs/cgroup/a/memory.stat': 'anon 65000\ninactive_file 30000\n',
    };
    expect(reading(files)).toEqual({ available: 35_000, total: 100_000 });
  });

  it('is read from version 1 of control groups too', () => {
    const files = {
      '/proc/meminfo': meminfo,
      '/proc/self/cgroup': '5:cpu:/x\n4:hugetlb,memory:/c\n',
      '/sys/fs/cgroup/memory/c/memory.limit_in_bytes': '50000\n',
      '/sys/fs/cgroup/memory/c/memory.usage_in_bytes': '20000\n',
    };
    expect(reading(files)).toEqual({ available: 30_000, total: 50_000 });
  });

  it('is a number on this machine', () => {
    const { available, total } = memoryAvailable();
    expect(available).toBeGreaterThan(0);
    expect(available).toBeLessThanOrEqual(total);
  });
});

describe('work that does not fit', () => {
  const { model, session, step } = memoryNeed(architecture, undefined, 32);
  const peak = model + session + step;

  it('is let in where there is just enough', () => {
    const memory = { available: peak - 1000, total: 2 * peak };
    expect(caught(() => requireMemory({ architecture }, full, 32, memory, 1000))).toBeUndefined();
  });

  it('is a 503 with the numbers where others have the memory now', () => {
    const memory = { available: 5e6, total: 2 * peak };
    const fault = caught(() => requireMemory({ architecture }, full, 32, memory, 0));
    expect(fault).toMatchObject({ kind: 'no_memory', needs: peak, free: 5e6 });
    const { status, body, headers } = toWire(fault as NonNullable<typeof fault>);
    expect([status, headers['retry-after']]).toEqual([503, '15']);
    expect(body.error.message).toMatch(
      /^full fine-tuning of 'm' on an example of 32 tokens needs \d+ MB more memory, 5 MB are free; try again in 15 s$/,
    );
  });

  it('is a 413 where the machine is too small for it', () => {
    const fault = caught(() => requireMemory({ architecture }, full, 32, { available: 5e6, total: 6e6 }, 0));
    expect(fault).toMatchObject({ kind: 'never_fits', needs: peak, machine: 6e6 });
    expect(toWire(fault as NonNullable<typeof fault>).status).toBe(413);
  });
});

describe('the estimate', () => {
  it('is larger for full fine-tuning than for LoRA, and grows with the tokens', () => {
    const sum = ({ model, session, step }: ReturnType<typeof memoryNeed>) => model + session + step;
    const lora = { rank: 4, scale: 2 };
    expect(sum(memoryNeed(architecture, undefined, 8))).toBeGreaterThan(sum(memoryNeed(architecture, lora, 8)));
    expect(memoryNeed(architecture, lora, 64).step).toBeGreaterThan(memoryNeed(architecture, lora, 8).step);
  });
});

it('a vocabulary of 262,144 has its logits cut into slices, so that few rows of them exist at once', () => {
  expect(sliceOf({ ...architecture, vocabulary: 262_144 }, false)).toBe(64);
});

describe('a training step', async () => {
  const weights = await readWeights(golden('llama'), architecture);
  const ids = [3, 1, 4, 1, 5, 9, 2, 6];
  const feeds = {
    ...weightFeeds(weights.architecture, weights.parameters),
    ...sequenceFeeds(weights.architecture, ids.slice(0, -1)),
    targets: ints(ids.slice(1)),
    weights: floats(new Float32Array(7).fill(1 / 7), [7]),
  };

  it('has the same loss and gradients when its logits are made three tokens at a time', async () => {
    const whole = await (await createTraining(weights.architecture, undefined, 1)).run(feeds);
    const sliced = await (await createTraining(weights.architecture, undefined, 1, 3)).run(feeds);
    expect(Object.keys(sliced).sort()).toEqual(Object.keys(whole).sort());
    for (const [name, expected] of Object.entries(whole)) {
      const worst = expected.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - at(Array.from(sliced[name] ?? []), i))),
        0,
      );
      expect(worst, name).toBeLessThan(1e-6);
    }
  });

  it('hands each gradient over once and frees it, but for those that are kept', async () => {
    const taken = new Map<string, Float32Array>();
    const kept = 'model.norm.weight';
    const training = await createTraining(weights.architecture, undefined, 1);
    const outputs = await training.run(feeds, (name, gradient) => {
      expect(taken.has(name), name).toBe(false);
      expect(gradient.length).toBe(weights.parameters.get(name)?.length);
      taken.set(name, gradient);
      return name === kept ? 'keep' : undefined;
    });
    expect(Object.keys(outputs)).toEqual(['loss']);
    expect([...taken.keys()].sort()).toEqual([...weights.parameters.keys()].sort());
    for (const [name, gradient] of taken) expect(gradient.length > 0, name).toBe(name === kept);
  });
});
