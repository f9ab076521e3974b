// `sift-edge destroy` against a scripted Cloudflare: nothing is left, nothing else is touched, and what could not be deleted
// is said.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cloudflare, startCloudflare } from './cloudflare.ts';
import { runDeploy, runDestroy } from './harness.ts';

let cf: Cloudflare;
beforeEach(async () => {
  cf = await startCloudflare();
  await runDeploy(cf, { secrets: {} });
  cf.model.asked.length = 0;
});
afterEach(() => cf.close());
const deletions = () =>
  cf.model.asked.filter((one) => one.startsWith('DELETE')).map((one) => one.replace(/[0-9a-f]{32}/, 'ID'));

describe('destroy', () => {
  it('lists what it deletes with what is in it, and leaves nothing', async () => {
    const index = cf.model.indexes.get('sift');
    if (index) index.vectors = 1234;
    for (const key of ['a', 'b c/d?', 'ü/%2F']) cf.model.buckets.get('sift-texts')?.add(key);
    let forgotten = 0;
    const { code, out } = await runDestroy(cf, { forget: () => (forgotten += 1) });
    expect(code).toBe(0);
    const said = out.join('\n');
    expect(said).toMatch(/Vectorize index sift \(1234 vectors\)/);
    expect(said).toMatch(/R2 bucket sift-texts \(3 objects\)/);
    expect(cf.model.empty).toBe(true);
    expect(deletions()).toEqual([
      'DELETE /workers/scripts/sift-edge',
      'DELETE /storage/kv/namespaces/ID',
      'DELETE /storage/kv/namespaces/ID',
      ...['a', 'b%20c/d%3F', '%C3%BC/%252F'].map((key) => `DELETE /r2/buckets/sift-texts/objects/${key}`),
      'DELETE /r2/buckets/sift-texts',
      'DELETE /vectorize/v2/indexes/sift',
    ]);
    expect(forgotten).toBe(1);
  });

  it('empties a bucket of more than a page', async () => {
    for (let i = 0; i < 2_050; i += 1) cf.model.buckets.get('sift-texts')?.add(`texts/${i}`);
    const { code, out } = await runDestroy(cf);
    expect(code).toBe(0);
    expect(out.join('\n')).toMatch(/1000 or more objects/);
    expect(cf.model.empty).toBe(true);
  });

  it.each([
    ['another name', 'sift', /'sift' is not 'sift-edge': nothing was deleted/],
    ['nobody to ask', null, /nobody can be asked here: --yes sift-edge/],
  ])('deletes nothing for %s', async (_, typed, said) => {
    const { code, error } = await runDestroy(cf, { typed });
    expect([code, error]).toEqual([2, expect.stringMatching(said)]);
    expect(deletions()).toEqual([]);
  });

  it('deletes nothing when it is dry', async () => {
    expect((await runDestroy(cf, { dryRun: true })).code).toBe(0);
    expect(deletions()).toEqual([]);
  });

  it('passes over what is gone, and is done where nothing is there', async () => {
    cf.model.buckets.clear();
    cf.model.scripts.clear();
    expect((await runDestroy(cf)).code).toBe(0);
    expect(cf.model.empty).toBe(true);
    const { code, out } = await runDestroy(cf);
    expect([code, out]).toEqual([0, ["nothing of 'sift-edge' is there"]]);
  });

  it('leaves another deployment of the account alone', async () => {
    await runDeploy(cf, { secrets: {} }, { flags: { name: 'other' } });
    expect((await runDestroy(cf, { name: 'other' })).code).toBe(0);
    expect([...cf.model.indexes.keys(), ...cf.model.buckets.keys(), ...cf.model.scripts.keys()]).toEqual([
      'sift',
      'sift-texts',
      'sift-edge',
    ]);
    expect(cf.model.namespaces.size).toBe(2);
  });

  it.each([
    ['Worker', /scripts\/sift-edge$/, 'Worker sift-edge'],
    ['namespace', /kv\/namespaces\/\w+$/, 'KV namespace sift-edge-keys'],
    ['bucket', /buckets\/sift-texts$/, 'R2 bucket sift-texts'],
    ['index', /indexes\/sift$/, 'Vectorize index sift'],
  ])('goes on where its %s cannot be deleted, says so, and the same command ends it', async (_, path, title) => {
    cf.model.fail('DELETE', path, { status: 400, code: 1, message: 'not today' });
    let forgotten = 0;
    const { code, notes } = await runDestroy(cf, { forget: () => (forgotten += 1) });
    expect(code).toBe(3);
    expect(notes[0]).toMatch(new RegExp(`left +${title}: Cloudflare answered 400: not today \\[code: 1\\]`));
    expect(notes[1]).toMatch(/^1 of 5 are left/);
    expect(cf.model.empty).toBe(false);
    expect(forgotten).toBe(0);
    expect((await runDestroy(cf)).code).toBe(0);
    expect(cf.model.empty).toBe(true);
  });

  it('ends with 4 where the token may delete nothing of it', async () => {
    cf.model.fail('DELETE', /./, { status: 403, code: 10000 }, 99);
    const { code, notes } = await runDestroy(cf);
    expect(code).toBe(4);
    expect(notes.join('\n')).toMatch(
      /Workers Scripts: Edit[\s\S]*Workers KV Storage: Edit[\s\S]*Workers R2 Storage: Edit[\s\S]*Vectorize: Edit/,
    );
  });

  it.each(['lost', 'closed'] as const)('is not misled by an answer that is %s', async (how) => {
    cf.model.fail('DELETE', /./, how, 1);
    cf.model.fail('DELETE', /indexes/, how, 1);
    expect((await runDestroy(cf)).code).toBe(0);
    expect(cf.model.empty).toBe(true);
  });
});
