// The wrapper inside workerd, where the module is imported: the selections are the same as in Node, bit for bit.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import { type Kernel, toQ15 } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { bundle, startBareWorker } from '../../local/bundle.ts';
import type { Runtime } from '../../local/workerd.ts';
import { generate } from './generate.ts';
import { unitRows } from './reference.ts';
import type { Question } from './worker.ts';

const D = 50;
const rows = unitRows(21, 90, D);
const query = unitRows(22, 1, D, 1.5);
const question: Question = { rows: [...rows], query: [...query], dimensions: D, picks: 25, quantised: false };

let worker: Runtime;
let node: Kernel;

beforeAll(async () => {
  await buildKernel();
  node = await loadKernel();
  worker = await startBareWorker('kernel', await bundle(fileURLToPath(new URL('worker.ts', import.meta.url))));
});

afterAll(() => worker.stop());

interface Answer {
  ok: boolean;
  answer: unknown;
  nearest: number[];
  stored: number[];
}

const ask = async (asked: Question): Promise<Answer> => {
  const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(asked) });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
};

describe('the kernel in workerd', () => {
  it.each([false, true])('selects what it selects in Node, bit for bit (Q15: %s)', async (quantised) => {
    const here = node.select({
      rows: quantised ? toQ15(rows) : rows,
      queries: query,
      dimensions: D,
      picks: 25,
      lambda: 0.01,
      repeat: true,
    });
    if (!here.ok) throw new Error(JSON.stringify(here.fault));
    const there = await ask({ ...question, quantised });
    expect(there).toMatchObject({ ok: true, answer: { ...here.value, residual: [...here.value.residual] } });
  });

  it('finds the same nearest rows as in Node, in given rows and in the row store', async () => {
    const expected = node.nearest(rows, query, D, 5).indices;
    const { nearest, stored } = await ask(question);
    expect([nearest, stored]).toEqual([expected, expected]);
  });

  it('takes a problem of 40 MB, more than an instance may keep, and small ones after it', async () => {
    const [K, dimensions, picks] = [10_000, 768, 100];
    const made = generate(K + 1, dimensions);
    const here = node.select({
      rows: made.subarray(dimensions),
      queries: made.slice(0, dimensions),
      dimensions,
      picks,
      lambda: 0.01,
      repeat: true,
    });
    if (!here.ok) throw new Error(JSON.stringify(here.fault));
    const there = await ask({ rows: [], query: [], dimensions, picks, quantised: false, generated: K });
    expect(there).toMatchObject({ ok: true, answer: { picks: here.value.picks, variances: here.value.variances } });
    expect((await ask(question)).ok).toBe(true);
  });

  it('names the index of a NaN, and the same isolate selects again afterwards', async () => {
    const poisoned = question.rows.map((value, index) => (index === 133 ? null : value));
    const refused = await ask({ ...question, rows: poisoned });
    expect(refused).toMatchObject({
      ok: false,
      answer: { kind: 'bad_vector', param: 'rows', index: 133, value: 'NaN' },
    });
    expect((await ask(question)).ok).toBe(true);
  });
});
