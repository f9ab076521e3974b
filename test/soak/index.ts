// `npm run soak -- [--minutes 10]`: a new corpus every second beside selections, completions, look-ups of names that do not
// exist and deletions, against everything that `npm start` runs. Memory of every process and the size of what is stored
// are written down every ten seconds. At the end memory must be flat: the mean of the last quarter at most a tenth above
// that of the second quarter. Before that, WARM_UP quick requests: V8 lets a heap grow for some 10,000 requests before it
// collects seriously, whatever they do (so did every version so far). What is stored may grow by a few pages for each corpus that ever
// was: workerd on one machine keeps an empty file and a note in a journal until the next start (local/vacant.ts).

import { execFileSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError, whole } from '../../cli/arguments.ts';
import { mean } from '../../cli/interval.ts';
import { startTestStack } from '../stack.ts';

const SAMPLE_MS = 10_000;
/** Corpora alive at once; the oldest is deleted when another comes. */
const KEPT = 20;
const LINES = 20;
const MOST_GROWTH = 1.1;
/** Bytes that a deleted corpus may leave until the next start: an empty database, and three pages of workerd's journal. */
const MOST_BYTES_A_CORPUS = 20_000;
const WARM_UP = 12_000;
const WARM_UP_AT_ONCE = 8;

interface Sample {
  readonly seconds: number;
  readonly round: number;
  readonly memory: Readonly<Record<string, number>>;
  readonly stored: number;
  readonly files: number;
}

/** Resident MB of this process and its descendants, by name. */
const memoryOf = (): Record<string, number> => {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,rss=,comm='], { encoding: 'utf8' }).trim().split('\n');
  const all = rows.map((row) => {
    const [pid = '', ppid = '', rss = '', ...name] = row.trim().split(/\s+/);
    return { pid: Number(pid), ppid: Number(ppid), mb: Number(rss) / 1024, name: name.join(' ') };
  });
  const family = new Set([process.pid]);
  for (let grew = true; grew; ) {
    const more = all.filter(({ pid, ppid }) => family.has(ppid) && !family.has(pid));
    for (const { pid } of more) family.add(pid);
    grew = more.length > 0;
  }
  const memory: Record<string, number> = {};
  for (const { pid, mb, name } of all) {
    if (!family.has(pid) || name === 'ps') continue;
    const label = pid === process.pid ? 'gateway and driver' : name;
    memory[label] = (memory[label] ?? 0) + mb;
  }
  return memory;
};

const storedIn = async (directory: string): Promise<{ bytes: number; files: number }> => {
  const names = await readdir(directory, { recursive: true });
  const sizes = await Promise.all(names.map((name) => stat(join(directory, name)).catch(() => undefined)));
  const files = sizes.filter((one) => one?.isFile());
  return { bytes: files.reduce((sum, one) => sum + (one?.size ?? 0), 0), files: files.length };
};

/** Mean of the last quarter over that of the second: the first is spent on warming up. */
const growth = (values: readonly number[]): number => {
  const quarter = Math.floor(values.length / 4);
  return mean(values.slice(-quarter)) / mean(values.slice(quarter, 2 * quarter));
};

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });

const main = async (): Promise<number> => {
  const minutes = whole('minutes', values.minutes, 1, 10_000);
  const stack = await startTestStack();
  const call = async (path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Promise<string> => {
    const response = await fetch(stack.edge + path, {
      method,
      headers: { authorization: `Bearer ${stack.key}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status >= 500) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text;
  };
  const samples: Sample[] = [];
  const errors: string[] = [];
  let started = performance.now();
  const since = (): number => (performance.now() - started) / 1000;
  const names: string[] = [];
  let round = 0;
  const oneRound = async (): Promise<void> => {
    round += 1;
    const name = `soak-${round}`;
    names.push(name);
    const lines = Array.from({ length: LINES }, (_, i) =>
      JSON.stringify({ id: `${i}`, text: `Example ${i} of round ${round}: cookies, routes and streams.` }),
    );
    await call(`/v1/corpora/${name}/examples`, lines.join('\n'));
    await call('/v1/select', { corpus: name, input: 'How is a cookie set?', n: 5 });
    await call(`/v1/corpora/${name}/examples/3`, undefined, 'DELETE');
    await call('/v1/completions', {
      model: round % 5 === 0 ? 'base:sift' : 'base',
      prompt: 'Once',
      max_tokens: 2,
      ...(round % 5 === 0 ? { sift: { corpus: name, n: 2 } } : {}),
    });
    await call('/v1/select', { corpus: `none-${round}`, input: 'x' });
    await call(`/v1/corpora/none-${round}`);
    await call(`/v1/corpora/none-${round}`, undefined, 'DELETE');
    const oldest = names.length > KEPT ? names.shift() : undefined;
    if (oldest !== undefined) await call(`/v1/corpora/${oldest}`, undefined, 'DELETE');
  };
  const sample = async (): Promise<void> => {
    const { bytes, files } = await storedIn(stack.state);
    const one = { seconds: since(), round, memory: memoryOf(), stored: bytes / 2 ** 20, files };
    samples.push(one);
    const memory = Object.entries(one.memory).map(([label, mb]) => `${label} ${mb.toFixed(0)} MB`);
    process.stdout.write(
      `${one.seconds.toFixed(0).padStart(5)} s  round ${round}  ${memory.join(', ')}; stored ${one.stored.toFixed(1)} MB in ${files} files\n`,
    );
  };
  const warmUp = async (): Promise<void> => {
    await call('/v1/corpora/warm/examples', '{"id":"a","text":"A cookie is set with a name and a value."}');
    let left = WARM_UP;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        if (left % 4 === 0) await call('/v1/select', { corpus: 'warm', input: 'How is a cookie set?', n: 1 });
        else await call('/health');
      }
    };
    await Promise.all(Array.from({ length: WARM_UP_AT_ONCE }, worker));
    process.stdout.write(`warmed up with ${WARM_UP} requests\n`);
  };
  try {
    await warmUp();
    started = performance.now();
    for (let due = SAMPLE_MS; since() < minutes * 60; ) {
      const began = performance.now();
      await oneRound().catch((error: unknown) => void errors.push(String(error)));
      if (performance.now() - started >= due) {
        due += SAMPLE_MS;
        await sample();
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1_000 - (performance.now() - began))));
    }
  } finally {
    await stack.end();
  }
  // a program that had ended by then grows no more
  const labels = Object.entries(samples.at(-1)?.memory ?? {}).flatMap(([label, mb]) => (mb > 0 ? [label] : []));
  const figures = labels.map((label): [string, number] => [
    label,
    growth(samples.map(({ memory }) => memory[label] ?? 0)),
  ]);
  for (const [label, factor] of figures) {
    process.stdout.write(`${label.padEnd(20)} last quarter ${factor.toFixed(3)} × the second\n`);
  }
  const half = samples.slice(Math.floor(samples.length / 2));
  const [from, to] = [half[0], half.at(-1)];
  const left =
    from === undefined || to === undefined ? 0 : ((to.stored - from.stored) * 2 ** 20) / (to.round - from.round);
  process.stdout.write(
    `stored               ${left.toFixed(0)} bytes a corpus that was made and deleted, in the second half\n`,
  );
  for (const error of errors.slice(0, 10)) process.stdout.write(`FAILED ${error}\n`);
  return errors.length === 0 && left <= MOST_BYTES_A_CORPUS && figures.every(([, factor]) => factor <= MOST_GROWTH)
    ? 0
    : 1;
};

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(
    `soak: ${error instanceof UsageError ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(2);
}
