// `npm run bench -- ingest [--examples N] [--rounds N] [--json] [--quick]`: examples a second that `sift-edge ingest` puts into
// an edge on this machine, as a process of its own, beside what the embedder alone does with the same texts in workerd, just
// before and just after it in each round. An edge embeds, writes its index and its catalogue, and shares the cores with the
// command.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Example } from '../../corpus/examples.ts';
import { bundle, startBareWorker } from '../../local/bundle.ts';
import { KEY, startBenchEdge, starterExamples } from '../edge.ts';
import { median } from '../statistics.ts';

const BIN = fileURLToPath(new URL('../../cli/sift-edge.ts', import.meta.url));
/** Texts of one request to the embedder alone. */
const EMBEDDED_AT_ONCE = 200;

interface Summary {
  readonly type: string;
  readonly created: number;
  readonly unchanged: number;
  readonly seconds: number;
}

const ingested = async (url: string, corpus: string, path: string, state: string): Promise<Summary> => {
  const args = [BIN, 'ingest', path, '--corpus', corpus, '--json'];
  const env = { ...process.env, SIFT_SERVER: url, SIFT_KEY: KEY, SIFT_STATE: state };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (piece) => {
    out += piece;
  });
  const [code] = await once(child, 'close');
  const summary = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Summary)
    .find(({ type }) => type === 'summary');
  if (code !== 0 || summary === undefined) throw new Error(`the ingest ended with ${code}: ${out}`);
  return summary;
};

/** Examples a second, and the share of the embedder's own rate. */
interface Row {
  readonly embedder: number;
  readonly ingest: number;
  readonly process: number;
  readonly again: number;
  readonly ratio: number;
}

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
};

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      examples: { type: 'string', default: '5000' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const count = values.quick ? 1_000 : Number(values.examples);
  const rounds = values.quick ? 1 : Number(values.rounds);
  const all = await starterExamples();
  // spread over the corpus, so that neighbours are as alike as in a user's files
  const examples: Example[] = all.filter(
    (_, i) => Math.floor((i * count) / all.length) !== Math.floor(((i - 1) * count) / all.length),
  );
  const directory = await mkdtemp(join(tmpdir(), 'sift-bench-ingest-'));
  const path = join(directory, 'examples.jsonl');
  await writeFile(path, examples.map((example) => `${JSON.stringify(example)}\n`).join(''));
  const worker = await startBareWorker(
    'embed',
    await bundle(fileURLToPath(new URL('../embed/worker.ts', import.meta.url))),
  );
  const edge = await startBenchEdge('bench');
  const embed = async (some: readonly Example[]): Promise<void> => {
    for (let from = 0; from < some.length; from += EMBEDDED_AT_ONCE) {
      const texts = some.slice(from, from + EMBEDDED_AT_ONCE).map(({ text }) => text);
      const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify({ texts, repetitions: 1 }) });
      await response.json();
    }
  };
  try {
    // warm: sessions are made, code is compiled
    await embed(examples.slice(0, EMBEDDED_AT_ONCE));
    await ingested(edge.url, 'warm', path, directory);
    const rows: Row[] = [];
    for (let round = 0; round < rounds; round++) {
      // before and after, so that a machine whose speed changes changes both
      const before = await seconds(() => embed(examples));
      const corpus = `round-${round}`;
      let summary: Summary | undefined;
      const wall = await seconds(async () => {
        summary = await ingested(edge.url, corpus, path, directory);
      });
      if (summary?.created !== examples.length)
        throw new Error(`${summary?.created} of ${examples.length} were created`);
      const alone = (before + (await seconds(() => embed(examples)))) / 2;
      const again = await ingested(edge.url, corpus, path, directory);
      if (again.unchanged !== examples.length)
        throw new Error(`${again.unchanged} of ${examples.length} were unchanged`);
      const rate = (s: number): number => examples.length / s;
      rows.push({
        embedder: rate(alone),
        ingest: rate(summary.seconds),
        process: rate(wall),
        again: rate(again.seconds),
        ratio: alone / summary.seconds,
      });
    }
    const middle = (name: keyof Row): number => median(rows.map((row) => row[name]));
    const result = {
      machine: cpus()[0]?.model,
      cores: cpus().length,
      node: process.version,
      examples: examples.length,
      embedder_per_s: middle('embedder'),
      ingest_per_s: middle('ingest'),
      with_start_per_s: middle('process'),
      unchanged_per_s: middle('again'),
      ratio: middle('ratio'),
      rounds: rows,
    };
    if (values.json) {
      console.log(JSON.stringify(result));
      return;
    }
    console.log(
      `${result.machine}, ${result.cores} cores, Node ${result.node}; ${result.examples} examples, medians of ${rounds} rounds`,
    );
    const line = (name: string, value: string): void => console.log(name.padEnd(52), value.padStart(8));
    line('the embedder alone in workerd, examples/s', result.embedder_per_s.toFixed(0));
    line('sift-edge ingest, from its first byte to its last', result.ingest_per_s.toFixed(0));
    line('the same with the start of its process', result.with_start_per_s.toFixed(0));
    line('the same corpus again, all unchanged', result.unchanged_per_s.toFixed(0));
    line('ratio of ingest to embedder, of each round', rows.map(({ ratio }) => ratio.toFixed(2)).join(' '));
  } finally {
    await edge.close();
    await worker.stop();
    await rm(directory, { recursive: true, force: true });
  }
};
