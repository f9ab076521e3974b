// An ingest that is killed or stopped on its way, against the edge in workerd: the same command goes on.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../../../client/index.ts';
import { type Edge, KEY, startEdge } from '../../edge/harness.ts';
import { workDirectory } from './inputs.ts';
import { sift } from './process.ts';

let edge: Edge;
let work: ReturnType<typeof workDirectory>;
beforeAll(async () => {
  edge = await startEdge();
  work = workDirectory();
});
afterAll(async () => {
  work?.remove();
  await edge?.close();
});

it('goes on after it was killed or stopped, and every example is there once', async () => {
  const count = 6_000;
  const rows = Array.from({ length: count }, (_, i) => {
    // a line that is refused says how far it is: it is read once the first uploads are answered
    const mark = i === 4_500 ? 'nonsense\n' : '';
    return `${mark}{"id":"r${i}","text":"Row ${i} is about ${'request response header cookie stream '.repeat(6)}"}\n`;
  }).join('');
  const path = work.write('rows.jsonl', rows);
  const args = [path, '--corpus', 'killed'];
  const client = createClient({ baseURL: edge.url.href, key: KEY });
  const env = { SIFT_SERVER: edge.url.href, SIFT_KEY: KEY, SIFT_STATE: work.path('state') };
  const kill = { when: /"refused"/ };
  expect(await sift(args, env, { kill: { ...kill, by: 'SIGKILL' } })).toMatchObject({ signal: 'SIGKILL' });
  const stopped = await sift(args, env, { kill: { ...kill, by: 'SIGINT' } });
  expect(stopped).toMatchObject({ code: 130, summary: { end: 'interrupted' } });
  const last = await sift(args, env);
  const { created = 0, unchanged = 0, confirmed_before: before = 0 } = last.summary;
  expect({ code: last.code, all: created + unchanged + before }).toEqual({ code: 3, all: count });
  expect(before).toBeGreaterThan(0);
  expect((await client.corpus('killed'))?.examples).toBe(count);
  expect(readdirSync(work.path('state/ingest'))).toEqual([]);
});
