// `npm run calibrate -- --model DIR`: which method and learning rate suit a model, measured on documents of the corpus that
// are left out of the selection. Everything goes through the edge, as a caller's requests do. The result is written to
// sift.json in the model's directory, which every later start reads.

import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type EdgeClient, EdgeError } from '../client/edge.ts';
import { ownCorpus, starterCorpus } from '../corpus/documents.ts';
import { defaultsBySize, SIFT_FILE, siftFile } from '../gateway/backends/embedded/defaults.ts';
import { embedderFiles } from '../local/embedder.ts';
import { lockState } from '../local/lock.ts';
import { startStack } from '../local/stack.ts';
import { checkState, checkWritable } from '../local/storage.ts';
import { modelOnWire } from '../wire/api/model.ts';
import { CALIBRATION_DOCUMENTS, DEFAULT_PICKS, MAX_PICKS, MAX_RANK } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { UsageError, whole } from './arguments.ts';
import { drawDocuments, withoutSources } from './draw.ts';
import { indexCorpus } from './index.ts';
import { watchLifetime } from './lifetime.ts';
import { progress } from './progress.ts';
import { cut, type Prompt } from './prompt.ts';
import { choose, type Summary, summaryOf, type Tried, type Way } from './rates.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STATE = resolve(process.env.SIFT_STATE ?? join(ROOT, '.sift'));
/** Other documents than the demonstration's. */
const SEED = 2;

const GRID = {
  full: { small: [1e-4, 2e-4, 5e-4, 1e-3], large: [2e-5, 5e-5, 1e-4] },
  lora: { small: [1e-3, 2e-3, 5e-3, 1e-2], large: [1e-4, 3e-4, 1e-3] },
} as const;

const HELP = `npm run calibrate -- [options]

  --model DIR       the model (default models/base); what is found is written to DIR/${SIFT_FILE}
  --corpus DIR      measure on the text files under DIR (default: the documentation in node_modules)
  --method M        full, lora or both (default: full up to 50 million parameters, lora above)
  --rank R          of LoRA (default 8 or 32, by size)
  --rates A,B,…     learning rates to try (default: a grid by method and size)
  --documents N     documents to measure on (default ${CALIBRATION_DOCUMENTS})
  --n N             gradient steps (default ${DEFAULT_PICKS})
  --dry-run         print the table, write nothing
  --help            this text
`;

const parse = () => {
  try {
    return parseArgs({
      options: {
        model: { type: 'string', default: 'models/base' },
        corpus: { type: 'string' },
        method: { type: 'string' },
        rank: { type: 'string' },
        rates: { type: 'string' },
        documents: { type: 'string', default: String(CALIBRATION_DOCUMENTS) },
        n: { type: 'string', default: String(DEFAULT_PICKS) },
        'dry-run': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};

const ratesOf = (text: string): number[] =>
  text.split(',').map((one) => {
    const rate = Number(one);
    if (one.trim() !== '' && rate > 0 && rate <= 1) return rate;
    throw new UsageError(`--rates has '${one}', a learning rate is above 0 and at most 1`);
  });

/** What is tried: each rate of each method. */
const waysOf = (values: ReturnType<typeof parse>, parameters: number): Way[] => {
  const bySize = defaultsBySize(parameters);
  const method = values.method ?? bySize.method;
  if (!['full', 'lora', 'both'].includes(method)) {
    throw new UsageError(`--method is '${method}', it must be full, lora or both`);
  }
  const size = bySize.method === 'full' ? 'small' : 'large';
  return (['full', 'lora'] as const)
    .filter((one) => method === 'both' || method === one)
    .flatMap((one) => {
      const rates = values.rates === undefined ? GRID[one][size] : ratesOf(values.rates);
      return rates.map((learningRate) => ({ method: one, learningRate }));
    });
};

interface Task {
  readonly edge: EdgeClient;
  readonly corpus: string;
  readonly n: number;
  readonly rank: number;
  readonly prompts: readonly Prompt[];
  readonly filter: ReturnType<typeof withoutSources>;
}

/** Tries every way on every document, one document after the other, so that an interruption leaves whole columns. */
const measure = async (task: Task, ways: readonly Way[], onDone: () => void): Promise<Tried[]> => {
  const { edge, corpus, n, rank, prompts, filter } = task;
  const tried = ways.map((way) => ({ ...way, before: [] as number[], after: [] as number[] }));
  for (const { prompt, continuation } of prompts) {
    if (continuation === undefined) throw new Error('a calibration needs the true continuation');
    const { picks } = await edge.select({ corpus, n, input: prompt, ...filter });
    const examples = picks.flatMap(({ id, text }) => (text === null ? [] : [{ id, text }]));
    for (const one of tried) {
      const { method, learningRate } = one;
      // the guard would hide what a rate does
      const sift = {
        strategy: 'none',
        guard: false,
        method,
        learning_rate: learningRate,
        ...(method === 'lora' ? { rank } : {}),
      };
      const scored = await edge
        .score({ model: 'base', context: prompt, text: continuation, picks: examples, sift })
        .catch((error: unknown) => {
          // a rate at which the weights overflow is the worst there is, and no reason to stop; the error names it
          if (error instanceof EdgeError && error.message.includes('learning_rate')) return undefined;
          throw error;
        });
      one.after.push(scored?.after.bits_per_byte ?? Number.POSITIVE_INFINITY);
      one.before.push(scored?.before.bits_per_byte ?? 1);
      onDone();
    }
  }
  return tried;
};

const row = ({ method, learningRate, saved, error, worse }: Summary): string =>
  `  ${method.padEnd(6)} ${learningRate.toExponential(0).padStart(6)}   ${`${(100 * saved).toFixed(1)} %`.padStart(8)} ± ${(100 * error).toFixed(1)}   ${String(worse).padStart(4)}`;

/** Writes the choice beside what the file already says. */
const save = async (path: string, chosen: Summary, rank: number, calibrated: unknown): Promise<void> => {
  const known = await readFile(path, 'utf8').then(
    (text) => siftFile.parse(JSON.parse(text)),
    () => ({}) as ReturnType<typeof siftFile.parse>,
  );
  const file = {
    ...known,
    method: chosen.method,
    ...(chosen.method === 'lora' ? { rank } : {}),
    learning_rate: { ...known.learning_rate, [chosen.method]: chosen.learningRate },
    calibrated,
  };
  await writeFile(path, `${JSON.stringify(file, null, 2)}\n`);
};

const main = async (): Promise<void> => {
  const values = parse();
  if (values.help) return void process.stdout.write(HELP);
  const n = whole('n', values.n, 1, MAX_PICKS);
  const count = whole('documents', values.documents, 2, 1_000);
  const directory = resolve(ROOT, values.model);
  const gathered =
    values.corpus === undefined ? await starterCorpus(join(ROOT, 'node_modules')) : await ownCorpus(values.corpus);
  const { documents, leftOut } = drawDocuments(gathered.documents, count, SEED);
  const prompts = documents.map(({ path, text }) => cut(text, path));
  const corpus = values.corpus === undefined ? 'starter' : 'calibration';
  const embedder = await embedderFiles(join(ROOT, 'models/embedder'));
  await checkWritable(STATE);
  await lockState(STATE);
  await checkState(STATE);
  const ports = { port: 0, gatewayPort: 0 };
  const stack = await startStack({ root: ROOT, state: STATE, model: directory, embedder, ...ports, defaultCorpus: '' });
  watchLifetime(0).onEnd(() => stack.close());
  try {
    await indexCorpus(stack.client, embedder, STATE, corpus, gathered.documents);
    const answer = await fetch(`${stack.edge}/v1/models/base`, { headers: { authorization: `Bearer ${stack.key}` } });
    const { parameters } = modelOnWire.parse(await answer.json());
    const bySize = defaultsBySize(parameters);
    const rank = values.rank === undefined ? bySize.rank : whole('rank', values.rank, 1, MAX_RANK);
    const ways = waysOf(values, parameters);
    const bar = progress('calibrating', ways.length * prompts.length);
    let done = 0;
    const task = { edge: stack.client, corpus, n, rank, prompts, filter: withoutSources(leftOut) };
    const tried = await measure(task, ways, () => bar.update(++done));
    bar.end();
    const summaries = tried.map(summaryOf);
    const chosen = choose(tried);
    const lines = [
      `${values.model}: ${parameters} parameters, ${prompts.length} documents left out of the selection, ${n} steps`,
      '  method   rate   fewer bits than base   made worse by over 1 %',
      ...summaries.map(row),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    if (chosen === undefined) {
      process.stdout.write('no rate saves anything here: tuning does not pay on this text, nothing was written\n');
      return;
    }
    process.stdout.write(`chosen: ${chosen.method} at ${chosen.learningRate}\n`);
    if (values['dry-run']) return;
    const table = summaries.map(({ method, learningRate, saved, error, worse }) => ({
      method,
      learning_rate: learningRate,
      saved: Number(saved.toFixed(4)),
      standard_error: Number(error.toFixed(4)),
      worse,
    }));
    const path = join(directory, SIFT_FILE);
    const date = new Date().toISOString().slice(0, 10);
    await save(path, chosen, rank, { date, documents: prompts.length, steps: n, table });
    process.stdout.write(`written to ${path}\n`);
  } finally {
    await stack.close();
  }
};

try {
  await main();
  process.exit(0);
} catch (error) {
  const isUsage = error instanceof UsageError;
  const text = error instanceof Error ? ((isUsage ? undefined : error.stack) ?? error.message) : String(error);
  process.stderr.write(`calibrate: ${text}\n`);
  process.exit(isUsage ? 1 : 2);
}
