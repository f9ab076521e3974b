// LoRA's factors taken out of a session and put into another: the same model there, checked before it is believed, and nothing
// of it left behind. Experts merged as factors side by side are the weighted sum of their changes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { merge } from '../../eval/choose/experts.ts';
import { readAdapter, writeAdapter } from '../../eval/run/adapter-file.ts';
import { expertOf, fileOf, sampleOf, stepsLeft } from '../../eval/run/train-experts.ts';
import type { OpenOptions } from '../../gateway/backends/contract.ts';
import {
  createEmbeddedBackend,
  type EmbeddedBackend,
  type EmbeddedSession,
} from '../../gateway/backends/embedded/index.ts';
import { readArchitecture, readWeights } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { createModel, LORA_SCALE, sequenceFeeds, weightFeeds } from '../../gateway/backends/embedded/model/model.ts';
import { loraTargets, parameterShapes } from '../../gateway/backends/embedded/model/parameters.ts';
import { loraNames, loraShapes } from '../../gateway/backends/embedded/model/transformer.ts';
import { ints } from '../../gateway/backends/embedded/runtime.ts';
import { type Adapter, createWeights } from '../../gateway/backends/embedded/weights.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { golden, wordTokenizer } from './variants.ts';

const base = new URL('../../models/base', import.meta.url).pathname;
const never = new AbortController().signal;
const optimiser = { learningRate: 5e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
const lora: OpenOptions = { model: 'base', method: 'lora', rank: 4, seed: 1, reuseGradients: false, optimiser };
const recipe = (name: string): string => `## ${name}.brew(options)\n\nBrews a pot of ${name} with the given options.\n`;
const recipes = ['coffee', 'mate', 'cocoa'].map(recipe);

let backend: EmbeddedBackend;
const scratch = mkdtempSync(join(tmpdir(), 'sift-adapter-'));
beforeAll(async () => {
  backend = await createEmbeddedBackend({ models: { base } });
});
afterAll(async () => {
  await backend?.close();
  rmSync(scratch, { recursive: true });
});

const withSession = async <T>(options: OpenOptions, use: (session: EmbeddedSession) => Promise<T>): Promise<T> => {
  const session = await backend.open(options, never);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
};
const bits = async (session: EmbeddedSession): Promise<number> => (await session.score('', recipe('tea'), never)).bits;
const trained = (texts: readonly string[], options = lora) =>
  withSession(options, async (session) => {
    const steps = await Array.fromAsync(session.train(texts, never));
    return { adapter: await session.exportAdapter(never), bits: await bits(session), steps };
  });

describe('an adapter', () => {
  it('makes another session the model that it was taken from, and no trace of it is left', async () => {
    const before = await withSession(lora, bits);
    const { adapter, bits: after } = await trained(recipes);
    expect(after).toBeLessThan(0.8 * before);
    await withSession(lora, async (session) => {
      await session.importAdapter(adapter, never);
      expect(await bits(session)).toBe(after);
      const again = await session.exportAdapter(never);
      expect([...again].every(([name, data]) => data.every((value, i) => value === adapter.get(name)?.[i]))).toBe(true);
      await session.restart(1e-3, never);
      expect(await bits(session)).toBe(before);
    });
    expect(await withSession(lora, bits)).toBe(before);
  });

  it('is gone on from, with moments of its own', async () => {
    const { adapter, bits: after } = await trained(recipes);
    const gone = await withSession(lora, async (session) => {
      // what the session did before plays no part
      await Array.fromAsync(session.train(['SELECT name FROM orders;'], never));
      await session.importAdapter(adapter, never);
      const [step] = await Array.fromAsync(session.train([recipe('chai')], never));
      return { loss: step?.loss, bits: await bits(session) };
    });
    expect(gone.bits).toBeLessThan(after);
    const fresh = await withSession(lora, async (session) => {
      await session.importAdapter(adapter, never);
      const [step] = await Array.fromAsync(session.train([recipe('chai')], never));
      return { loss: step?.loss, bits: await bits(session) };
    });
    expect(gone).toEqual(fresh);
  });

  it('is refused where it is not of this model and rank, with the name and the numbers', async () => {
    const { adapter } = await trained([]);
    const [name] = adapter.keys();
    if (name === undefined) throw new Error('an empty adapter');
    const changed = (value: Float32Array): Adapter => new Map([...adapter, [name, value]]);
    await withSession({ ...lora, rank: 8 }, async (session) => {
      await expect(session.importAdapter(adapter, never)).rejects.toThrow(/has \d+ values, this model and rank need/);
    });
    await withSession(lora, async (session) => {
      const before = await bits(session);
      const data = at([...adapter.values()], 0);
      const lacking = new Map([...adapter].slice(1));
      await expect(session.importAdapter(lacking, never)).rejects.toThrow(`lacks '${name}'`);
      await expect(session.importAdapter(new Map([...adapter, ['x', data]]), never)).rejects.toThrow("no factor 'x'");
      await expect(session.importAdapter(changed(data.map(() => Number.NaN)), never)).rejects.toThrow('not finite');
      expect(await bits(session)).toBe(before);
    });
    await withSession({ ...lora, method: 'full' }, async (session) => {
      await expect(session.exportAdapter(never)).rejects.toThrow('no factors');
      await expect(session.importAdapter(adapter, never)).rejects.toThrow('no factors');
    });
  });

  it('is not given out where steps made it no numbers', async () => {
    await withSession({ ...lora, optimiser: { ...optimiser, learningRate: 1e38 } }, async (session) => {
      await Array.fromAsync(session.train([...recipes, ...recipes], never)).catch(() => {});
      await expect(session.exportAdapter(never)).rejects.toThrow('not finite');
    });
  });
});

describe.each(['llama', 'phi3', 'gemma3'])('merged experts of a tiny %s', (family) => {
  it('change every weight by the weighted sum of their changes', async () => {
    const read = await readWeights(golden(family), await readArchitecture(golden(family)));
    const model = createModel({ ...read, tokenizer: wordTokenizer() }, 1);
    const { architecture } = model;
    const random = seededRandom(2);
    const rank = 3;
    const weights = [0.6, 0.3, 0.1];
    const experts = weights.map((weight) => ({
      weight,
      adapter: new Map(
        Array.from(loraShapes(architecture, rank), ([name, [rows, columns]]) => [
          name,
          Float32Array.from({ length: rows * columns }, () => random() - 0.5),
        ]),
      ),
    }));
    const merged = createWeights(model, { ...lora, rank: rank * weights.length });
    merged.begin(merge(experts, rank));
    const shapes = parameterShapes(architecture);
    const summed = new Map(model.parameters);
    for (const target of loraTargets(architecture)) {
      const names = loraNames(target);
      const [, into = 0] = shapes.get(target) ?? [];
      const w = Float32Array.from(summed.get(target) ?? []);
      for (const { weight, adapter } of experts) {
        const [a, b] = [adapter.get(names.a) ?? [], adapter.get(names.b) ?? []];
        for (const i of w.keys()) {
          const [row, column] = [Math.floor(i / into), i % into];
          for (let r = 0; r < rank; r++) {
            w[i] = at(w, i) + weight * LORA_SCALE * at(b, row * rank + r) * at(a, r * into + column);
          }
        }
      }
      summed.set(target, w);
    }
    const ids = [3, 1, 4, 1, 5, 9, 2, 6, 5];
    const logp = async (of: number, feeds: ReturnType<typeof weightFeeds>): Promise<number[]> => {
      const positions = sequenceFeeds(architecture, ids.slice(0, -1));
      const outputs = await (await model.scoring(of)).run({ ...feeds, ...positions, targets: ints(ids.slice(1)) });
      return [...(outputs.logp ?? [])];
    };
    const tuned = merged.tuned();
    expect(tuned.rank).toBe(9);
    const [ours, theirs] = [await logp(tuned.rank, tuned.feeds), await logp(0, weightFeeds(architecture, summed))];
    const plain = await logp(0, weightFeeds(architecture, model.parameters));
    expect(ours).toHaveLength(ids.length - 1);
    for (const [i, value] of ours.entries()) expect(value).toBeCloseTo(at(theirs, i), 3);
    expect(Math.max(...ours.map((value, i) => Math.abs(value - at(plain, i))))).toBeGreaterThan(0.1);
  });
});

describe('experts on disk', () => {
  const tuning = { method: 'lora', rank: 4, learningRate: 5e-3, reuse: false } as const;
  const store = { directory: scratch, model: 'abc', tuning };
  const plan = { texts: recipes, clusterSize: 12 };

  it('come back as they were written, with what they were made of', async () => {
    const { adapter } = await trained(recipes);
    const path = join(scratch, 'one.safetensors');
    await writeAdapter(path, { adapter, metadata: { rank: '4', note: 'é' } }, 4);
    const back = await readAdapter(path);
    expect(back?.metadata).toEqual({ rank: '4', note: 'é' });
    expect(back?.adapter).toEqual(adapter);
    expect(await readAdapter(join(scratch, 'none.safetensors'))).toBeUndefined();
    writeFileSync(path, 'not a tensor file');
    await expect(readAdapter(path)).rejects.toThrow('one.safetensors');
  });

  it('are trained once: the second time the file is read', async () => {
    let steps = 0;
    const count = () => {
      steps += 1;
    };
    expect(await stepsLeft(store, [plan])).toBe(3);
    const adapter = await expertOf(backend, store, plan, count);
    expect(steps).toBe(3);
    expect(await stepsLeft(store, [plan, { ...plan, texts: ['x'] }])).toBe(1);
    expect(await expertOf(backend, store, plan, count)).toEqual(adapter);
    expect(steps).toBe(3);
    expect((await readAdapter(fileOf(store, plan)))?.metadata).toEqual({
      base_weights: 'abc',
      rank: '4',
      learning_rate: '0.005',
      cluster_size: '12',
      steps: '3',
    });
  });

  it('have other files for other weights, rates, ranks, texts and orders', () => {
    const files = [
      fileOf(store, plan),
      fileOf({ ...store, model: 'abd' }, plan),
      fileOf({ ...store, tuning: { ...tuning, learningRate: 1e-3 } }, plan),
      fileOf({ ...store, tuning: { ...tuning, rank: 8 } }, plan),
      fileOf(store, { ...plan, texts: recipes.toReversed() }),
    ];
    expect(new Set(files).size).toBe(files.length);
  });

  it('learn from as many of their cluster as are asked for, none twice, the same ones again', () => {
    const members = [4, 8, 15, 16, 23, 42];
    const some = sampleOf(members, 4, 7);
    expect(new Set(some).size).toBe(4);
    expect(some.every((one) => members.includes(one))).toBe(true);
    expect(sampleOf(members, 4, 7)).toEqual(some);
    expect(sampleOf(members, 9, 7).toSorted((a, b) => a - b)).toEqual(members);
    expect(members).toEqual([4, 8, 15, 16, 23, 42]);
  });
});
