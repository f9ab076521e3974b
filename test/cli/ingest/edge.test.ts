// `sift-edge ingest` against the edge in workerd: every kind of input, stdin, and the exit codes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Console } from '../../../cli/commands/command.ts';
import { COMMANDS } from '../../../cli/commands/table.ts';
import { endOf } from '../../../cli/exit.ts';
import { runProgram } from '../../../cli/program.ts';
import { createClient } from '../../../client/index.ts';
import { type Edge, KEY, startEdge } from '../../edge/harness.ts';
import { workDirectory } from './inputs.ts';
import { sift as piped } from './process.ts';
import { tinyPdf } from './tiny-pdf.ts';

let edge: Edge;
let work: ReturnType<typeof workDirectory>;
beforeAll(async () => {
  edge = await startEdge();
  work = workDirectory();
  process.env.SIFT_STATE = work.path('state');
});
afterAll(async () => {
  delete process.env.SIFT_STATE;
  work?.remove();
  await edge?.close();
});

/** The command in this process: its exit code, and what it put on stdout. */
const sift = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const lines: Record<string, unknown>[] = [];
  const notes: string[] = [];
  const console: Console = {
    json: true,
    interactive: false,
    colour: false,
    signal: new AbortController().signal,
    say: () => {},
    write: () => {},
    emit: (value) => void lines.push(JSON.parse(JSON.stringify(value))),
    note: (...more) => void notes.push(...more),
  };
  let code: number;
  try {
    const surroundings = { env: { SIFT_KEY: KEY, ...env }, console: () => console, out: () => {}, err: () => {} };
    const server = args.includes('--server') ? [] : ['--server', edge.url.href];
    code = await runProgram(COMMANDS, ['ingest', ...args, ...server], surroundings);
  } catch (error) {
    code = endOf(error).code;
  }
  const summary = (lines.find(({ type }) => type === 'summary') ?? {}) as Record<string, number>;
  return { code, lines, notes, summary };
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
    expect(first).toMatchObject({ code: 3, summary: { created: 5, refused: 1, left: 0 }, notes: [] });
    expect(await client().corpus('kinds')).toMatchObject({ examples: 5, filterable: { lang: 'string' } });
    expect(await client().example('kinds', 'docs/paper.pdf#p1#0')).toMatchObject({ metadata: { page: 1 } });
    expect(await sift(args)).toMatchObject({ code: 3, summary: { created: 0, updated: 0, unchanged: 5 } });
    work.write('docs/guide.md', '');
    expect(await sift([...args, '--prune', '--yes'])).toMatchObject({ summary: { deleted: 1, unchanged: 4 } });
    expect((await client().corpus('kinds'))?.examples).toBe(4);
  });

  it('reads stdin, and lets the edge cut', async () => {
    const text = Array.from({ length: 60 }, (_, i) => `Line ${i} tells of routers, cookies and streams.`).join('\n');
    const env = { SIFT_SERVER: edge.url.href, SIFT_KEY: KEY, SIFT_STATE: work.path('state') };
    const args = ['-', '--corpus', 'piped', '--chunk', 'server', '--name', 'notes'];
    const { code, summary } = await piped(args, env, { stdin: text });
    expect({ code, created: summary.created }).toEqual({ code: 0, created: 1 });
    expect((await client().example('piped', 'notes#0'))?.source).toBe('notes');
  });

  it('says by its exit code what is wrong', async () => {
    const path = work.write('one.md', 'text');
    const code = async (args: readonly string[], env?: Record<string, string>) => (await sift(args, env)).code;
    expect(await code([path, '--corpus', 'codes', '--key', 'sk-wrong-key'])).toBe(4);
    expect(await code([path, '--corpus', 'codes'], { SIFT_KEY: '' })).toBe(4);
    expect(await code([path, '--corpus', 'codes', '--dry-run'], { SIFT_KEY: '' })).toBe(0);
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
