// What lookups and deleted corpora leave on the disk of one machine: nothing.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { type Caller, edgeAt, KEY } from '../edge/harness.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let state: string;
let running: RunningEdge;
let edge: Caller;
const start = async (): Promise<void> => {
  running = await startEdge({
    root: ROOT,
    state,
    embedder: await embedderFiles(join(ROOT, 'models/embedder')),
    port: 0,
    apiKey: KEY,
    gatewayUrl: 'http://127.0.0.1:9', // never asked
    gatewaySecret: 'nobody listens there',
    defaultCorpus: '',
  });
  edge = edgeAt(new URL(running.url));
};
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'sift-traces-'));
  await start();
});
afterAll(async () => {
  await running.close();
  await rm(state, { recursive: true, force: true });
});

/** Databases of Durable Objects and their bytes; side files come and go with the processes that have them open. */
const databases = async (): Promise<{ files: number; bytes: number }> => {
  const all = await readdir(join(state, 'do'), { recursive: true });
  const sizes = await Promise.all(
    all.filter((name) => name.endsWith('.sqlite')).map(async (name) => (await stat(join(state, 'do', name))).size),
  );
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
};

const upload = (corpus: string) => edge.upload(corpus, [{ id: 'a', text: 'some text to embed' }]);
const remove = async (corpus: string): Promise<number> => {
  const response = await edge.send(`/v1/corpora/${corpus}`, { method: 'DELETE' });
  await response.text();
  return response.status;
};

describe('what is left on the disk', () => {
  beforeAll(async () => {
    await upload('kept');
    await upload('round');
    await remove('round');
  });

  it('does not grow by a hundred lookups of names that are not there', async () => {
    const before = await databases();
    for (let i = 0; i < 100; i++) {
      const paths: [string, object][] = [
        [`/v1/corpora/none-${i}`, {}],
        [`/v1/corpora/none-${i}/examples`, {}],
        [`/v1/corpora/none-${i}/examples/x`, {}],
        [`/v1/corpora/none-${i}/examples/x`, { method: 'DELETE' }],
        [`/v1/corpora/none-${i}`, { method: 'DELETE' }],
        ['/v1/select', { body: { corpus: `none-${i}`, input: 'x' } }],
      ];
      const [path, options] = paths[i % paths.length] ?? ['', {}];
      const response = await edge.send(path, options);
      expect([path, response.status]).toEqual([path, 404]);
      await response.text();
    }
    const after = await databases();
    expect(after.files).toBe(before.files);
    // less where what was deleted before is swept in the meantime
    expect(after.bytes).toBeLessThanOrEqual(before.bytes);
  });

  it('does not grow by making and deleting a corpus twenty times', async () => {
    const before = await databases();
    for (let i = 0; i < 20; i++) {
      expect((await upload('round'))[0]?.status).toBe('created');
      expect(await remove('round')).toBe(200);
      expect(await remove('round')).toBe(404);
    }
    expect((await databases()).files).toBe(before.files);
  });

  it('is nothing of twenty corpora of different names, after the next start; what was kept is there', async () => {
    await running.close();
    await start();
    const before = await databases();
    for (let i = 0; i < 20; i++) {
      await upload(`brief-${i}`);
      await remove(`brief-${i}`);
    }
    // every corpus is swept: its vector is gone
    await expect.poll(async () => remove('brief-19')).toBe(404);
    await running.close();
    await start();
    expect((await databases()).files).toBe(before.files);
    expect((await (await edge.send('/v1/corpora')).json()) as object).toMatchObject({ data: [{ name: 'kept' }] });
    expect(await (await edge.send('/v1/corpora/kept')).json()).toMatchObject({ examples: 1 });
  });
});
