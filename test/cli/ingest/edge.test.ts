// `sift-edge ingest` as a process, against the edge in workerd.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../../client/index.ts';
import { type Edge, KEY, startEdge } from '../../edge/harness.ts';
import { workDirectory } from './inputs.ts';
import { tinyPdf } from './tiny-pdf.ts';

const BIN = fileURLToPath(new URL('../../../cli/sift-edge.ts', import.meta.url));

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

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: Record<string, unknown>[];
  readonly summary: Record<string, number>;
  readonly stderr: string;
}

interface Started {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  /** Ends the process by this signal once a line of its output is there. */
  readonly kill?: { readonly when: RegExp; readonly by: NodeJS.Signals };
}

const sift = async (args: readonly string[], { stdin, env, kill }: Started = {}): Promise<Ended> => {
  const child = spawn(process.execPath, [BIN, 'ingest', ...args, '--json'], {
    env: { ...process.env, SIFT_SERVER: edge.url.href, SIFT_KEY: KEY, SIFT_STATE: work.path('state'), ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
    if (kill?.when.test(stdout) === true) child.kill(kill.by);
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  if (stdin !== undefined) child.stdin.end(stdin);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const lines = stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const summary = (lines.find(({ type }) => type === 'summary') ?? {}) as Record<string, number>;
  return { code, signal, lines, summary, stderr };
};

const client = () => createClient({ baseURL: edge.url.href, key: KEY });

describe('sift-edge ingest', () => {
  it('puts a directory of all kinds into a corpus; the same again changes nothing; what is gone is pruned', async () => {
    work.write('docs/guide.md', '# Router\n\nThe router matches the path of a request.\n');
    work.write('docs/page.html', '<nav>menu</nav><h1>Cookies</h1><p>A cookie is sent with every request.');
    work.write('docs/rows.csv', 'id,text,lang\n1,Middleware runs before the handler.,en\n');
    work.write('docs/more.jsonl', '{"id":"m1","text":"A stream is read piece by piece."}\nnonsense\n');
    work.write('docs/paper.pdf', tinyPdf(['Streams give way to readers that are slow.']));
    const args = [work.path('docs'), '--corpus', 'kinds', '--id-column', 'id', '--meta-columns', 'lang'];
    const first = await sift([...args, '--filterable', 'lang:string']);
    // JSONL has the same fields as CSV, where they are named
    expect(first.lines.slice(0, -1)).toEqual([
      { type: 'refused', source: 'docs/more.jsonl', line: 2, reason: expect.stringContaining('not JSON') },
    ]);
    expect(first).toMatchObject({ code: 3, summary: { created: 5, refused: 1, left: 0 }, stderr: '' });
    expect(await client().corpus('kinds')).toMatchObject({ examples: 5, filterable: { lang: 'string' } });
    expect(await client().example('kinds', 'docs/paper.pdf#p1#0')).toMatchObject({ metadata: { page: 1 } });
    expect(await sift(args)).toMatchObject({ code: 3, summary: { created: 0, updated: 0, unchanged: 5 } });
    work.write('docs/guide.md', '');
    expect(await sift([...args, '--prune', '--yes'])).toMatchObject({ summary: { deleted: 1, unchanged: 4 } });
    expect((await client().corpus('kinds'))?.examples).toBe(4);
  });

  it('reads stdin, and lets the edge cut', async () => {
    const text = Array.from({ length: 60 }, (_, i) => `Line ${i} tells of routers, cookies and streams.`).join('\n');
    const { code, summary } = await sift(['-', '--corpus', 'piped', '--chunk', 'server', '--name', 'notes'], {
      stdin: text,
    });
    expect({ code, created: summary.created }).toEqual({ code: 0, created: 1 });
    expect((await client().example('piped', 'notes#0'))?.source).toBe('notes');
  });

  it('goes on after it was killed or stopped, and every example is there once', async () => {
    const count = 4_000;
    const rows = Array.from({ length: count }, (_, i) => {
      // a line that is refused says how far it is
      const mark = i === 2_500 ? 'nonsense\n' : '';
      return `${mark}{"id":"r${i}","text":"Row ${i} is about ${'request response header cookie stream '.repeat(6)}"}\n`;
    }).join('');
    const path = work.write('rows.jsonl', rows);
    const args = [path, '--corpus', 'killed'];
    const kill = { when: /"refused"/ };
    expect(await sift(args, { kill: { ...kill, by: 'SIGKILL' } })).toMatchObject({ signal: 'SIGKILL' });
    const stopped = await sift(args, { kill: { ...kill, by: 'SIGINT' } });
    expect(stopped).toMatchObject({ code: 130, summary: { end: 'interrupted' } });
    const last = await sift(args);
    const { created = 0, unchanged = 0, confirmed_before: before = 0 } = last.summary;
    expect({ code: last.code, all: created + unchanged + before }).toEqual({ code: 3, all: count });
    expect(before).toBeGreaterThan(0);
    expect((await client().corpus('killed'))?.examples).toBe(count);
    expect(readdirSync(work.path('state/ingest'))).toEqual([]);
  });

  it('says by its exit code what is wrong', async () => {
    const path = work.write('one.md', 'text');
    const code = async (args: readonly string[], more?: Started) => (await sift(args, more)).code;
    expect(await code([path, '--corpus', 'codes', '--key', 'sk-wrong-key'])).toBe(4);
    expect(await code([path, '--corpus', 'codes'], { env: { SIFT_KEY: '' } })).toBe(4);
    expect(
      await code([path, '--corpus', 'codes', '--dry-run'], {
        env: { SIFT_KEY: '', SIFT_SERVER: 'http://127.0.0.1:9' },
      }),
    ).toBe(0);
    expect(await code([path, '--corpus', 'codes', '--server', 'http://127.0.0.1:9', '--patience', '0'])).toBe(75);
    expect(await code([path])).toBe(2);
    expect(await code([path, '--corpus', 'No Name'])).toBe(2);
    expect(await code([path, '--corpus', 'codes', '--chunk', '7'])).toBe(2);
    expect(await code([path, '--corpus', 'codes', '--chunk', '700', '--overlap', '690'])).toBe(2);
    expect(await code([path, '--corpus', 'codes', '--prune'])).toBe(2);
    expect(await code([path, '--corpus', 'codes', '--meta', 'nothing'])).toBe(2);
    expect(await code([work.path('none'), '--corpus', 'codes'])).toBe(2);
    expect(await code([work.write('bare.csv', 'a,b\n1,2\n'), '--corpus', 'codes'])).toBe(2);
    expect(await client().corpus('codes')).toBeUndefined();
  });
});
