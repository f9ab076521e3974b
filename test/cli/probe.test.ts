// The probe of a first start: what is tried within its time, what is concluded from it, and what comes before it.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { measure, type Trial } from '../../cli/measure.ts';
import { conclude } from '../../cli/probe.ts';
import type { Tried, Way } from '../../cli/rates.ts';
import { type Question, settleTuning } from '../../cli/settle.ts';
import { SiftError } from '../../client/index.ts';
import type { TuningDefaults } from '../../gateway/backends/contract.ts';
import { fingerprintOf } from '../../gateway/backends/embedded/fingerprint.ts';
import type { Probe } from '../../local/state.ts';
import { at } from '../../wire/list.ts';

const WAYS: Way[] = [1e-4, 3e-4, 1e-3].map((learningRate) => ({ method: 'lora', learningRate }));
const prompts = ['a', 'b', 'c', 'd'].map((name) => ({ source: name, prompt: `${name} first`, continuation: name }));

/** An edge whose scores take some time of its own clock; `fails` is asked before each. */
const slowEdge = (ms: number, fails: (count: number) => Error | undefined = () => undefined) => {
  let [clock, count, running, most] = [0, 0, 0, 0];
  const rates: number[] = [];
  const edge: Trial['edge'] = {
    select: async () =>
      ({ selection: { picks: [{ id: '1', text: 'example' }] } }) as unknown as Awaited<
        ReturnType<Trial['edge']['select']>
      >,
    score: async ({ sift }, call) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      call?.signal?.throwIfAborted();
      const error = fails(count);
      count += 1;
      running -= 1;
      if (error !== undefined) throw error;
      clock += ms;
      const rate = (sift as { learning_rate: number }).learning_rate;
      rates.push(rate);
      return { before: { bits_per_byte: 2 }, after: { bits_per_byte: 2 - rate } } as Awaited<
        ReturnType<Trial['edge']['score']>
      >;
    },
  };
  return { edge, now: () => clock, rates, most: () => most };
};
const trialOf = (from: Pick<Trial, 'edge' | 'now'>, changes: Partial<Trial> = {}): Trial => ({
  corpus: 'c',
  n: 10,
  rank: 32,
  prompts,
  filter: {},
  parallel: 1,
  ...from,
  ...changes,
});
const documents = (tried: readonly Tried[]): number[] => tried.map(({ before }) => before.length);

describe('what is tried', () => {
  it('is every rate on every document, one document after the other', async () => {
    const slow = slowEdge(1_000);
    const seen: number[] = [];
    const tried = await measure(trialOf(slow), WAYS, (done) => seen.push(done));
    expect(documents(tried)).toEqual([4, 4, 4]);
    expect(slow.rates.slice(0, 6)).toEqual([1e-4, 3e-4, 1e-3, 1e-4, 3e-4, 1e-3]);
    expect(at(tried, 2)).toMatchObject({
      learningRate: 1e-3,
      before: [2, 2, 2, 2],
      after: [1.999, 1.999, 1.999, 1.999],
    });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('is what there is time for: all rates on the same documents, and none begun that would not end', async () => {
    const slow = slowEdge(20_000);
    const tried = await measure(trialOf(slow, { limitMs: 150_000 }), WAYS, () => {});
    expect(documents(tried)).toEqual([2, 2, 2]);
    expect(slow.rates.length).toBe(6);
  });

  it('leaves out a document that the end of the time cut short, even the first', async () => {
    const slow = slowEdge(0, (count) =>
      count === 4 ? new SiftError({ message: 'too late', code: 'deadline' }) : undefined,
    );
    expect(documents(await measure(trialOf(slow, { limitMs: 60_000 }), WAYS, () => {}))).toEqual([1, 1, 1]);
    // the clock of the timer is real, and the edge waits for it
    const never: Trial['edge'] = {
      ...slow.edge,
      score: (_, call) =>
        new Promise((_, reject) =>
          call?.signal?.addEventListener('abort', () => reject(call.signal?.reason), { once: true }),
        ),
    };
    expect(documents(await measure(trialOf({ edge: never }, { limitMs: 20 }), WAYS, () => {}))).toEqual([0, 0, 0]);
  });

  it('ends with an error when something else fails, or nobody waits any more; without a limit slowness is one too', async () => {
    const broken = slowEdge(0, () => new SiftError({ message: 'it broke down', code: 'backend' }));
    await expect(measure(trialOf(broken, { limitMs: 60_000 }), WAYS, () => {})).rejects.toThrow('it broke down');
    const late = slowEdge(0, () => new SiftError({ message: 'too late', code: 'deadline' }));
    await expect(measure(trialOf(late), WAYS, () => {})).rejects.toThrow('too late');
    const gone = AbortSignal.abort(new Error('Ctrl-C'));
    await expect(measure(trialOf(slowEdge(0), { signal: gone }), WAYS, () => {})).rejects.toThrow('Ctrl-C');
  });

  it('counts a rate at which the weights overflow as the worst, and asks as many at once as there are workers', async () => {
    const overflow = slowEdge(0, (count) =>
      count % 3 === 2 ? new SiftError({ message: 'the loss is NaN; a smaller learning_rate may help' }) : undefined,
    );
    const tried = await measure(trialOf(overflow), WAYS, () => {});
    expect(at(tried, 2).after).toEqual(prompts.map(() => Number.POSITIVE_INFINITY));
    const wide = slowEdge(0);
    await measure(trialOf(wide, { parallel: 2 }), WAYS, () => {});
    expect(wide.most()).toBe(2);
  });
});

describe('what is concluded', () => {
  const tried = (learningRate: number, ...saved: number[]): Tried => ({
    method: 'lora',
    learningRate,
    before: saved.map(() => 2),
    after: saved.map((share) => 2 * (1 - share)),
  });
  const there: Way = { method: 'lora', learningRate: 3e-4 };

  it('is nothing where no document was finished, or one or two are all that speaks against every rate', () => {
    expect(
      conclude(
        WAYS.map(({ learningRate }) => tried(learningRate)),
        there,
      ).chosen,
    ).toBeUndefined();
    expect(conclude([tried(1e-4, -0.1, -0.1), tried(3e-4, -0.2, -0.1)], there).chosen).toBeUndefined();
  });

  it('is the smallest rate where none does no harm', () => {
    const all = [tried(3e-4, -0.2, -0.2, -0.1), tried(1e-4, -0.1, -0.1, -0.02)];
    expect(conclude(all, there).chosen?.learningRate).toBe(1e-4);
  });

  it('is the rule by size until something is certain', () => {
    expect(conclude([tried(1e-4, 0.01), tried(3e-4, 0.02), tried(1e-3, 0.9)], there).chosen).toEqual(there);
    const sure = [tried(1e-4, 0.01, 0.01, 0.011), tried(3e-4, 0.02, 0.02, 0.021), tried(1e-3, 0.1, 0.1, 0.11)];
    expect(conclude(sure, there).chosen?.learningRate).toBe(1e-3);
  });
});

describe('how a model is tuned', () => {
  let [model, state] = ['', ''];
  beforeEach(async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'sift-probe-'));
    [model, state] = [join(scratch, 'model'), join(scratch, 'state')];
    await mkdir(model);
    await mkdir(state);
    await writeFile(join(model, 'config.json'), '{}');
    await writeFile(join(model, 'model.safetensors'), 'weights');
  });
  afterEach(() => rm(join(model, '..'), { recursive: true }));

  const bySize: TuningDefaults = { method: 'lora', rank: 32, learningRate: { full: 5e-5, lora: 3e-4 }, from: 'size' };
  const found: Probe = {
    date: '2026-11-26',
    documents: 5,
    chosen: { method: 'lora', learning_rate: 1e-4 },
    table: [{ method: 'lora', learning_rate: 1e-4, saved: 0.02, standard_error: 0.01, worse: 0 }],
  };
  /** Settles it; says what is tuned with, how often was measured, and what was said. */
  const settle = async (
    changes: Partial<Question> = {},
    defaults = bySize,
    measured: () => Promise<Probe | undefined> = async () => found,
  ) => {
    const question = { directory: model, given: {}, probe: true, state, ...changes };
    const said: string[] = [];
    let probes = 0;
    const settled = await settleTuning(
      question,
      defaults,
      () => {
        probes += 1;
        return measured();
      },
      (...lines) => said.push(...lines),
    );
    return { settled, probes, said: said.join('\n') };
  };

  it('is measured once for a model of which nothing is known, and kept for its copies', async () => {
    const first = await settle();
    expect(first).toMatchObject({ probes: 1, settled: { learningRate: { full: 5e-5, lora: 1e-4 }, from: 'measured' } });
    expect(first.said).toContain('tuning LoRA of rank 32 at a rate of 0.0001 (measured)');
    const copy = join(model, '..', 'copy');
    await mkdir(copy);
    await writeFile(join(copy, 'config.json'), '{}');
    await writeFile(join(copy, 'model.safetensors'), 'weights');
    const second = await settle({ directory: copy, probe: false });
    expect(second).toMatchObject({ probes: 0, settled: first.settled });
    expect(second.said).toContain('measured on 5 documents, 2026-11-26');
    await writeFile(join(copy, 'model.safetensors'), 'weightt');
    expect((await settle({ directory: copy })).probes).toBe(1);
    expect(await fingerprintOf(copy)).not.toBe(await fingerprintOf(model));
  });

  it('is measured anew for another method or rank', async () => {
    await settle();
    expect((await settle({ given: { rank: 8 } })).probes).toBe(1);
    expect((await settle({ given: { method: 'full' } })).probes).toBe(1);
    expect((await settle({ given: { rank: 8 } })).probes).toBe(0);
  });

  it('is what the flags say before all, then sift.json, then what was kept, then the rule by size', async () => {
    expect((await settle({ probe: false })).settled).toEqual(bySize);
    await settle();
    const given = await settle({ given: { learningRate: 7e-4 } });
    expect(given).toMatchObject({
      probes: 0,
      settled: { method: 'lora', learningRate: { lora: 7e-4 }, from: 'given' },
    });
    expect((await settle({ given: { method: 'full', learningRate: 7e-4 } })).settled).toMatchObject({
      method: 'full',
      learningRate: { full: 7e-4, lora: 3e-4 },
    });
    await writeFile(join(model, 'sift.json'), '{}');
    const own: TuningDefaults = { ...bySize, learningRate: { full: 1, lora: 9e-4 }, from: 'measured' };
    expect(await settle({}, own)).toMatchObject({ probes: 0, settled: own });
    expect((await settle({ given: { learningRate: 7e-4 } }, own)).settled.learningRate.lora).toBe(7e-4);
  });

  it('is the rule by size where a probe found nothing, which is kept too', async () => {
    for (const [documents, said] of [
      [0, 'did not end in time'],
      [2, 'found nothing better'],
    ] as const) {
      const nothing: Probe = { date: '2026-11-26', documents, table: [] };
      expect(await settle({}, bySize, async () => nothing)).toMatchObject({ probes: 1, settled: bySize });
      const again = await settle();
      expect(again).toMatchObject({ probes: 0, settled: bySize });
      expect(again.said).toContain(`a probe on 2026-11-26 ${said}`);
      for (const file of await readdir(state)) await rm(join(state, file));
    }
  });

  it('is the rule by size where the corpus is too small, and another corpus is measured on', async () => {
    const small = await settle({}, bySize, async () => undefined);
    expect(small.settled).toEqual(bySize);
    expect(small.said).toContain('the corpus is too small to measure on');
    expect((await settle()).probes).toBe(1);
  });

  it('is the rule by size where a probe failed; nothing is kept, and no more after Ctrl-C', async () => {
    const failed = await settle({}, bySize, () => Promise.reject(new SiftError({ message: 'it broke' })));
    expect(failed.settled).toEqual(bySize);
    expect(failed.said).toContain('the probe failed: it broke');
    await expect(settle({}, bySize, () => Promise.reject(new Error('Ctrl-C')))).rejects.toThrow('Ctrl-C');
    expect(await readdir(state)).toEqual([]);
  });

  it('is measured again where the file of an earlier probe is damaged', async () => {
    await settle();
    const [file = ''] = await readdir(state);
    await writeFile(join(state, file), '{"chosen":{"method":"qlora"}}');
    expect((await settle()).probes).toBe(1);
    expect((await settle()).probes).toBe(0);
  });
});
