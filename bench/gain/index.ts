// `npm run bench -- gain [--documents N] [--n STEPS] [--lambda L] [--rate R] [--json]`: what tuning gains on real text
// that the model has not seen. For each of N documents of the starter corpus: prompt and true continuation from the
// document, examples from everything else but its near copies, bits per byte of the continuation for the base model, after nearest
// neighbours and after SIFT, same number of steps. A first look, not the study: one domain mix, one seed, no intervals.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Document, starterCorpus } from '../../start/corpus.ts';
import { embedderFiles } from '../../start/embedder.ts';
import { indexCorpus } from '../../start/ingest.ts';
import { startStack } from '../../start/stack.ts';
import { withoutTwins } from '../../start/twins.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Characters of a prompt and of its continuation. */
const HALF = 800;

interface Row {
  readonly path: string;
  readonly base: number;
  readonly nn: number;
  readonly sift: number;
}

/** Files that a filter can name: Vectorize takes 2,048 bytes of it. */
const isNameable = (paths: readonly string[]): boolean => JSON.stringify(paths).length < 1_900;

/** Documents spread evenly over those long enough, each with what must be left out for it. */
const sample = (documents: readonly Document[], count: number): { document: Document; out: string[] }[] => {
  const fair = documents.filter(({ text }) => text.length >= 2 * HALF);
  const stride = Math.max(1, Math.floor(fair.length / count));
  return fair
    .filter((_, i) => i % stride === 0)
    .slice(0, count)
    .flatMap((document) => {
      const kept = new Set(withoutTwins(documents, document.path));
      const out = documents.filter((other) => !kept.has(other)).map(({ path }) => path);
      return isNameable(out) ? [{ document, out }] : [];
    });
};

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      documents: { type: 'string', default: '40' },
      n: { type: 'string', default: '10' },
      lambda: { type: 'string', default: '0.1' },
      rate: { type: 'string', default: '5e-4' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const state = process.env.SIFT_STATE ?? join(ROOT, '.sift/bench');
  const gathered = await starterCorpus(join(ROOT, 'node_modules'));
  const embedder = await embedderFiles(join(ROOT, 'models/embedder'));
  const stack = await startStack({
    embedder,
    root: ROOT,
    state,
    model: 'models/base',
    port: 0,
    gatewayPort: 0,
    defaultCorpus: 'starter',
  });
  try {
    await indexCorpus(stack.client, embedder, state, 'starter', gathered.documents);
    const rows: Row[] = [];
    for (const { document, out } of sample(gathered.documents, values.quick ? 8 : Number(values.documents))) {
      const score = (strategy: 'nn' | 'sift') =>
        stack.client.score({
          model: 'base',
          context: document.text.slice(0, HALF),
          text: document.text.slice(HALF, 2 * HALF),
          sift: {
            corpus: 'starter',
            strategy,
            n: Number(values.n),
            lambda: Number(values.lambda),
            rounds: Number(values.rounds),
            learning_rate: Number(values.rate),
            filter: { source: { $nin: out } },
          },
        });
      const [nn, sift] = [await score('nn'), await score('sift')];
      const row = {
        path: document.path,
        base: sift.before.bits_per_byte,
        nn: nn.after.bits_per_byte,
        sift: sift.after.bits_per_byte,
      };
      rows.push(row);
      if (!values.json) {
        console.log(`${row.base.toFixed(3)}  ${row.nn.toFixed(3)}  ${row.sift.toFixed(3)}  ${row.path}`);
      }
    }
    const mean = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
    const summary = {
      documents: rows.length,
      n: Number(values.n),
      lambda: Number(values.lambda),
      learning_rate: Number(values.rate),
      rounds: Number(values.rounds),
      bpb: { base: mean((row) => row.base), nn: mean((row) => row.nn), sift: mean((row) => row.sift) },
      sift_below_base: rows.filter((row) => row.sift < row.base).length,
      sift_below_nn: rows.filter((row) => row.sift < row.nn).length,
    };
    if (values.json) console.log(JSON.stringify({ ...summary, rows }));
    else {
      const { bpb } = summary;
      console.log(
        `\nmean bits per byte over ${rows.length} documents: base ${bpb.base.toFixed(3)}, ${values.n} nearest neighbours ` +
          `${bpb.nn.toFixed(3)}, ${values.n} SIFT picks ${bpb.sift.toFixed(3)}; SIFT below base in ` +
          `${summary.sift_below_base}, below nearest neighbours in ${summary.sift_below_nn}`,
      );
    }
  } finally {
    await stack.close();
  }
};
