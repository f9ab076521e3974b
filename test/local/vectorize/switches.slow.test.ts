// The switches that make the local Vectorize behave as badly as the real one can: late writes, wrong scores, failures, latency.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { outcome, type Started, startLocal, type Vector } from './local.ts';

const OFF = { visibleAfterMs: 0, approximate: 0, latencyMs: 0, fail: { calls: 0, code: null } };
const A: Vector = { id: 'a', values: [1, 0] };
const B: Vector = { id: 'b', values: [0, 1], metadata: { lang: 'en' }, namespace: 'n' };

let local: Started;
beforeAll(async () => {
  local = await startLocal({ DIMENSIONS: '2', METADATA_INDEXES: 'lang:string' });
});
afterAll(() => local?.stop());
beforeEach(async () => {
  await local.index.configure(OFF);
  await local.index.clear();
});
const readable = async (): Promise<string[]> =>
  (await local.index.query([1, 1])).matches.map((match) => match.id).sort();

describe('visibleAfterMs', () => {
  it('hides a write from every read until flush, then describe() names its mutation', async () => {
    await local.index.configure({ visibleAfterMs: 'flush' });
    const { mutationId } = await local.index.upsert([A, B]);
    expect(await readable()).toEqual([]);
    expect(await local.index.getByIds(['a', 'b'])).toEqual([]);
    expect(await local.index.describe()).toMatchObject({ vectorCount: 0, processedUpToMutation: null });
    expect(await local.index.flush()).toBe(1);
    expect(await local.index.getByIds(['b'])).toEqual([{ ...B }]);
    expect((await local.index.query([1, 1], { filter: { lang: 'en' } })).matches).toMatchObject([{ id: 'b' }]);
    expect(await local.index.describe()).toMatchObject({ vectorCount: 2, processedUpToMutation: mutationId });
  });

  it('shows a write by itself once the delay is over', async () => {
    await local.index.configure({ visibleAfterMs: 400 });
    await local.index.upsert([A]);
    expect(await readable()).toEqual([]);
    await expect.poll(readable, { timeout: 10_000 }).toEqual(['a']);
  });

  it('keeps the order of writes: a quick one waits for a slow one before it', async () => {
    await local.index.configure({ visibleAfterMs: 'flush' });
    await local.index.upsert([A, B]);
    await local.index.insert([{ id: 'a', values: [0, 5] }]);
    await local.index.configure({ visibleAfterMs: 0 });
    const { mutationId } = await local.index.deleteByIds(['b']);
    expect(await readable()).toEqual([]);
    expect(await local.index.flush()).toBe(3);
    expect(await local.index.getByIds(['a', 'b'])).toEqual([A]);
    expect((await local.index.describe()).processedUpToMutation).toBe(mutationId);
  });
});

describe('approximate', () => {
  const fan: Vector[] = Array.from({ length: 80 }, (_, i) => ({
    id: `v${i}`,
    values: [Math.cos(i / 400), Math.sin(i / 400)],
  }));

  it('errs by at most what is set, the same way every time, and puts close neighbours out of order', async () => {
    await local.index.upsert(fan);
    const exact = await local.index.query([1, 0], { topK: 20 });
    await local.index.configure({ approximate: 0.01 });
    const { matches } = await local.index.query([1, 0], { topK: 20 });
    expect(matches.map((match) => match.id)).not.toEqual(exact.matches.map((match) => match.id));
    const errors = matches.map(({ id, score }) => Math.abs(score - Math.cos(Number(id.slice(1)) / 400)));
    expect(Math.max(...errors)).toBeLessThanOrEqual(0.01 + 1e-6);
    expect(Math.max(...errors)).toBeGreaterThan(0.001);
    expect(matches.map((match) => match.score)).toEqual(matches.map((match) => match.score).sort((x, y) => y - x));
    expect((await local.index.query([1, 0], { topK: 20 })).matches).toEqual(matches);
  });

  it('is exact with returnValues', async () => {
    await local.index.upsert(fan);
    const exact = await local.index.query([1, 0], { topK: 20, returnValues: true });
    await local.index.configure({ approximate: 0.01 });
    expect(await local.index.query([1, 0], { topK: 20, returnValues: true })).toEqual(exact);
  });
});

describe('fail', () => {
  it('fails the next calls, then no more, and a failed write leaves nothing', async () => {
    await local.index.configure({ fail: { calls: 2, code: 40041, error: 'Too Many Requests' } });
    expect(await outcome(local.index.upsert([A]))).toBe('VECTOR_UPSERT_ERROR (code = 40041): Too Many Requests');
    expect(await outcome(local.index.query([1, 0]))).toBe('VECTOR_QUERY_ERROR (code = 40041): Too Many Requests');
    expect(await readable()).toEqual([]);
  });

  it('fails one operation only where it is named', async () => {
    await local.index.configure({ fail: { calls: 1, code: null, only: 'VECTOR_DELETE' } });
    await local.index.upsert([A]);
    expect(await outcome(local.index.deleteByIds(['a']))).toBe('VECTOR_DELETE_ERROR: Status + 500');
    expect(await readable()).toEqual(['a']);
  });
});

describe('latencyMs', () => {
  it('holds every answer back, without holding back other calls', async () => {
    await local.index.configure({ latencyMs: 300 });
    const started = performance.now();
    await Promise.all([local.index.describe(), local.index.query([1, 0]), local.index.getByIds(['a'])]);
    // a lower bound cannot fail on a slow machine
    expect(performance.now() - started).toBeGreaterThanOrEqual(290);
  });
});

describe('vars', () => {
  it('set the switches from the start', async () => {
    const late = await startLocal({ DIMENSIONS: '2', VISIBLE_AFTER_MS: 'flush', FAIL_CALLS: '1', FAIL_CODE: '40041' });
    try {
      expect(await outcome(late.index.upsert([A]))).toMatch(/code = 40041/);
      await late.index.upsert([A]);
      expect((await late.index.query([1, 0])).count).toBe(0);
      expect(await late.index.flush()).toBe(1);
      expect((await late.index.query([1, 0])).count).toBe(1);
    } finally {
      await late.stop();
    }
  });

  it.each([
    [{ METRIC: 'manhattan' }, /METRIC is "manhattan"/],
    [{ DIMENSIONS: '1537' }, /DIMENSIONS is "1537".*1536/],
    [{ METADATA_INDEXES: 'lang:text' }, /METADATA_INDEXES/],
    [{ METADATA_INDEXES: 'a,b,c,d,e,f,g,h,i,j,k'.replaceAll(/\w/g, '$&:string') }, /at most 10.*it has 11/],
    [{ VISIBLE_AFTER_MS: 'soon' }, /VISIBLE_AFTER_MS/],
  ])('refuse what they cannot read: %o', async (vars, message) => {
    const broken = await startLocal(vars);
    try {
      expect(await outcome(broken.index.describe())).toMatch(message);
    } finally {
      await broken.stop();
    }
  });
});
