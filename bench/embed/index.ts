// `npm run bench -- embed [--json] [--quick]`: how long the edge takes to embed a text. The embedder of models/embedder inside
// workerd, on 512 tokens of real documentation, one text and a batch of 32, timed from outside over many repetitions;
// the tokenizer is timed alone as well. And the time of the first text, for which the session is made.
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { starterCorpus } from '../../corpus/documents.ts';
import { bundle, startBareWorker } from '../../local/bundle.ts';
import { at } from '../../wire/list.ts';
import { median } from '../statistics.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Characters of a text that has at least 512 tokens. */
const LONG = 6_000;
const BATCH = 32;

interface Answer {
  readonly tokens: number[];
}

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
  });
  const rounds = values.quick ? 5 : 21;
  const { documents } = await starterCorpus(join(ROOT, 'node_modules'));
  const texts = documents.filter(({ text }) => text.length >= LONG).map(({ text }) => text.slice(0, LONG));
  const worker = await startBareWorker('embed', await bundle(fileURLToPath(new URL('worker.ts', import.meta.url))));
  try {
    const ask = async (body: { texts: string[]; repetitions: number; only?: 'tokens' }): Promise<[number, Answer]> => {
      const from = performance.now();
      const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(body) });
      const answer = (await response.json()) as Answer;
      return [performance.now() - from, answer];
    };
    const [first, { tokens }] = await ask({ texts: texts.slice(0, 1), repetitions: 1 });
    if (tokens[0] !== 512) throw new Error(`the text has ${tokens[0]} tokens, not 512`);
    const cases = [
      { name: 'one text', texts: texts.slice(0, 1), repetitions: 200 },
      { name: `a batch of ${BATCH}`, texts: texts.slice(0, BATCH), repetitions: 8 },
    ];
    const rows = cases.map(({ name }) => ({ name, whole: [] as number[], tokens: [] as number[] }));
    for (let round = -1; round < rounds; round++) {
      for (const [i, { texts: some, repetitions }] of cases.entries()) {
        const per = repetitions * some.length;
        const [nothing] = await ask({ texts: some, repetitions: 0 });
        const [whole] = await ask({ texts: some, repetitions });
        const [tokenised] = await ask({ texts: some, repetitions, only: 'tokens' });
        if (round < 0) continue; // warm
        const row = at(rows, i);
        row.whole.push((whole - nothing) / per);
        row.tokens.push((tokenised - nothing) / per);
      }
    }
    const result = rows.map(({ name, whole, tokens: tokenised }) => ({
      name,
      ms: median(whole),
      tokens_ms: median(tokenised),
      model_ms: median(whole) - median(tokenised),
      min_ms: Math.min(...whole),
    }));
    if (values.json) {
      console.log(JSON.stringify({ machine: cpus()[0]?.model, node: process.version, first_ms: first, rows: result }));
      return;
    }
    console.log(
      `${cpus()[0]?.model}, Node ${process.version}; 512 tokens a text, in workerd, medians of ${rounds} rounds`,
    );
    console.log(
      'ms a text'.padEnd(20),
      'tokenizer + model'.padStart(18),
      'tokenizer'.padStart(12),
      'model'.padStart(9),
    );
    for (const row of result) {
      console.log(
        row.name.padEnd(20),
        row.ms.toFixed(3).padStart(18),
        row.tokens_ms.toFixed(3).padStart(12),
        row.model_ms.toFixed(3).padStart(9),
      );
    }
    console.log(`the first text of an isolate, its session made: ${first.toFixed(0)} ms`);
  } finally {
    await worker.stop();
  }
};
