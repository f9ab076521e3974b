// `npm run bench -- stall [--lines N] [--seconds S] [--json] [--quick]`: what others notice of a large upload. GET /health and
// selections of another corpus, one after the other, while nothing else happens and while lines go up; both in one run, since
// only their ratio says something about another machine. The whole of `npm start` but the gateway: workerd, the local
// Vectorize and the front share this machine's cores with the uploading client, which on Cloudflare they do not.
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ingest } from '../../cli/index.ts';
import { createClient } from '../../client/index.ts';
import { at } from '../../wire/list.ts';
import { KEY, startBenchEdge, starterExamples } from '../edge.ts';
import { quantile } from '../statistics.ts';

/** Examples of the corpus that is selected from. */
const QUIET = 1_000;

interface Times {
  readonly health: number[];
  readonly select: number[];
}

const figures = (times: readonly number[]) => ({
  p50: quantile(times, 0.5),
  p95: quantile(times, 0.95),
  p99: quantile(times, 0.99),
  most: Math.max(...times),
});

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      lines: { type: 'string', default: '60000' },
      seconds: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const lines = values.quick ? 3_000 : Number(values.lines);
  const seconds = values.quick ? 4 : Number(values.seconds);
  const edge = await startBenchEdge('quiet');
  try {
    const examples = await starterExamples();
    await ingest(createClient({ baseURL: edge.url, key: KEY }), 'quiet', examples.slice(0, QUIET));
    const prompts = examples.slice(QUIET).map(({ text }) => text);
    let asked = 0;
    const timed = async (path: string, init: RequestInit): Promise<number> => {
      const started = performance.now();
      const response = await fetch(edge.url + path, init);
      const text = await response.text();
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
      return performance.now() - started;
    };
    const measure = async (more: () => boolean): Promise<Times> => {
      const times: Times = { health: [], select: [] };
      while (more()) {
        times.health.push(await timed('/health', {}));
        const body = JSON.stringify({ corpus: 'quiet', input: at(prompts, asked++ % prompts.length), n: 10 });
        times.select.push(
          await timed('/v1/select', { method: 'POST', headers: { authorization: `Bearer ${KEY}` }, body }),
        );
      }
      return times;
    };
    const forSeconds = (): (() => boolean) => {
      const until = performance.now() + seconds * 1_000;
      return () => performance.now() < until;
    };
    await measure(forSeconds()); // warm
    const idle = await measure(forSeconds());
    const upload = new Worker(new URL('./upload.ts', import.meta.url), {
      workerData: { url: edge.url, key: KEY, lines, texts: prompts },
    });
    let created: number | undefined;
    let failed: unknown;
    upload.on('message', (count: number) => {
      created = count;
    });
    upload.on('error', (error) => {
      failed = error;
    });
    const from = performance.now();
    const busy = await measure(() => created === undefined && failed === undefined);
    if (failed !== undefined) throw failed;
    const uploadSeconds = (performance.now() - from) / 1_000;
    if (created !== lines) throw new Error(`${created} of ${lines} lines were created`);
    // the local index scans every row, so the same selection is slower once the lines are there
    const after = await measure(forSeconds());
    const rows = (['health', 'select'] as const).map((name) => ({
      name,
      idle: figures(idle[name]),
      busy: figures(busy[name]),
      after: figures(after[name]),
      count: busy[name].length,
    }));
    const load = loadavg()[0] ?? Number.NaN;
    const about = {
      machine: cpus()[0]?.model,
      cores: cpus().length,
      load,
      node: process.version,
      lines,
      uploadSeconds,
    };
    if (values.json) return console.log(JSON.stringify({ ...about, rows }));
    console.log(
      `${about.machine}, ${about.cores} cores, load ${load.toFixed(1)}, Node ${about.node}; ${lines} lines in ${uploadSeconds.toFixed(0)} s`,
    );
    const head = [
      'idle p50',
      'idle p95',
      'upload p50',
      'upload p95',
      'most',
      'after p50',
      'p50 : idle',
      'p50 : after',
      'requests',
    ];
    console.log('ms'.padEnd(8), ...head.map((h) => h.padStart(11)));
    for (const { name, idle: quiet, busy: loaded, after: later, count } of rows) {
      const times = [quiet.p50, quiet.p95, loaded.p50, loaded.p95, loaded.most, later.p50].map((ms) => ms.toFixed(1));
      const ratios = [loaded.p50 / quiet.p50, loaded.p50 / later.p50].map((ratio) => ratio.toFixed(2));
      console.log(name.padEnd(8), ...[...times, ...ratios, String(count)].map((cell) => cell.padStart(11)));
    }
  } finally {
    await edge.close();
  }
};
