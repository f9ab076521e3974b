// `npm run bench -- select [--requests N] [--json] [--quick]`: POST /v1/select as a caller sees it, on this machine: the
// edge in workerd, the local Vectorize with the starter corpus, HTTP over loopback. Prompts are taken from the corpus,
// one request at a time and eight at once. On Cloudflare the network and Vectorize's own latency are added to this.
import { Buffer } from 'node:buffer';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ingest } from '../../cli/index.ts';
import { createClient } from '../../client/index.ts';
import { at } from '../../wire/list.ts';
import { KEY, startBenchEdge, starterExamples } from '../edge.ts';
import { quantile } from '../statistics.ts';

const PARALLEL = 8;

interface Row {
  readonly name: string;
  readonly parallel: number;
  /** Milliseconds of a request. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly perSecond: number;
}

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      requests: { type: 'string', default: '400' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const requests = values.quick ? 64 : Number(values.requests);
  const edge = await startBenchEdge('starter');
  try {
    const examples = await starterExamples();
    await ingest(createClient({ baseURL: edge.url, key: KEY }), 'starter', examples);
    const prompts = examples.filter((_, i) => i % 13 === 0).map(({ text }) => text.slice(0, 800));
    const sent = Array.from({ length: 200 }, (_, i) => {
      const vector = Float32Array.from({ length: edge.embedder.dimensions }, (_, j) =>
        Math.sin(7 * i + j * (1 + (i % 5))),
      );
      return { id: String(i), vector: Buffer.from(vector.buffer).toString('base64') };
    });
    const cases: { name: string; body: (prompt: string) => Record<string, unknown> }[] = [
      { name: 'sift, 3 rounds of 50, n 10', body: (input) => ({ corpus: 'starter', input, n: 10 }) },
      { name: 'sift, 3 rounds of 50, n 50', body: (input) => ({ corpus: 'starter', input, n: 50 }) },
      { name: 'sift, 1 round of 50, n 10', body: (input) => ({ corpus: 'starter', input, n: 10, rounds: 1 }) },
      { name: 'nn, n 10', body: (input) => ({ corpus: 'starter', input, n: 10, strategy: 'nn' }) },
      { name: "200 candidates of the caller's", body: (input) => ({ candidates: sent, input, n: 10 }) },
    ];
    const rows: Row[] = [];
    for (const { name, body } of cases) {
      for (const parallel of [1, PARALLEL]) {
        const times: number[] = [];
        let next = -PARALLEL; // the first requests warm up
        const from = performance.now();
        await Promise.all(
          Array.from({ length: parallel }, async () => {
            while (next < requests) {
              const index = next++;
              const started = performance.now();
              const response = await fetch(`${edge.url}/v1/select`, {
                method: 'POST',
                headers: { authorization: `Bearer ${KEY}` },
                body: JSON.stringify(body(at(prompts, (index + PARALLEL) % prompts.length))),
              });
              const answer = await response.text();
              if (index >= 0) times.push(performance.now() - started);
              if (!response.ok) throw new Error(answer);
            }
          }),
        );
        const seconds = (performance.now() - from) / 1000;
        rows.push({
          name,
          parallel,
          p50: quantile(times, 0.5),
          p95: quantile(times, 0.95),
          p99: quantile(times, 0.99),
          perSecond: (times.length + PARALLEL) / seconds,
        });
      }
    }
    if (values.json) {
      console.log(
        JSON.stringify({ machine: cpus()[0]?.model, node: process.version, examples: examples.length, rows }),
      );
      return;
    }
    console.log(
      `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}; ${examples.length} examples, ${requests} requests a row`,
    );
    console.log(
      'POST /v1/select'.padEnd(34),
      'at once'.padStart(8),
      ...['p50 ms', 'p95 ms', 'p99 ms', 'a second'].map((h) => h.padStart(9)),
    );
    for (const { name, parallel, p50, p95, p99, perSecond } of rows) {
      const figures = [p50, p95, p99].map((ms) => ms.toFixed(1).padStart(9));
      console.log(name.padEnd(34), String(parallel).padStart(8), ...figures, perSecond.toFixed(0).padStart(9));
    }
  } finally {
    await edge.close();
  }
};
