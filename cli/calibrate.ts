// `npm run calibrate -- --model DIR`: which method and learning rate suit a model, measured on documents of the corpus that
// are left out of the selection. Everything goes through the edge, as a caller's requests do. The result is written to
// sift.json in the model's directory, which every later start reads.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultsBySize, SIFT_FILE, siftFile } from '../gateway/backends/defaults.ts';
import { startStack } from '../local/stack.ts';
import { CALIBRATION_DOCUMENTS, DEFAULT_PICKS, MAX_DEADLINE_MS, MAX_PICKS, MAX_RANK } from '../wire/limits.ts';
import { optionsOf, UsageError, whole } from './arguments.ts';
import { runCommand } from './command.ts';
import { shareCores } from './cores.ts';
import { CALIBRATION_SEED, drawDocuments, withoutSources } from './draw.ts';
import { waysOf } from './grid.ts';
import { indexCorpus } from './index.ts';
import { watchLifetime } from './lifetime.ts';
import { measure } from './measure.ts';
import { progress } from './progress.ts';
import { cut } from './prompt.ts';
import { choose, type Summary, summaryOf, type Way } from './rates.ts';
import { ratesTable, tableOnFile } from './rates-table.ts';
import { learningRate, MACHINE_FLAGS, machineOf } from './tuning-flags.ts';
import { DEFAULT_EMBEDDER, DEFAULT_MODEL, directoryOf, gatherCorpus, openWorkplace, ROOT } from './workplace.ts';

const HELP = `npm run calibrate -- [options]

  --model DIR        the model (default ${DEFAULT_MODEL}); what is found is written to DIR/${SIFT_FILE}
  --corpus DIR       measure on the text files under DIR (default: the documentation in node_modules)
  --method M         full, lora or both (default: full up to 50 million parameters, lora above)
  --rank R           of LoRA (default 8 or 32, by size)
  --rates A,B,…      learning rates to try (default: a grid by method and size)
  --documents N      documents to measure on (default ${CALIBRATION_DOCUMENTS})
  --n N              gradient steps (default ${DEFAULT_PICKS})
  --workers W        sessions at once, each holds the model (default by the cores; with --model 1)
  --threads T        threads of a session (default by the cores)
  --deadline SECONDS of one request (default ${MAX_DEADLINE_MS / 1000})
  --dry-run          print the table, write nothing
  --help             this text
`;

const parse = () =>
  optionsOf({
    options: {
      model: { type: 'string', default: DEFAULT_MODEL },
      corpus: { type: 'string' },
      method: { type: 'string' },
      rank: { type: 'string' },
      rates: { type: 'string' },
      documents: { type: 'string', default: String(CALIBRATION_DOCUMENTS) },
      n: { type: 'string', default: String(DEFAULT_PICKS) },
      ...MACHINE_FLAGS,
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });

/** What is tried: each rate of each method. */
const triedWays = (values: ReturnType<typeof parse>, parameters: number): Way[] => {
  const method = values.method ?? defaultsBySize(parameters).method;
  if (!['full', 'lora', 'both'].includes(method)) {
    throw new UsageError(`--method is '${method}', it must be full, lora or both`);
  }
  const rates = values.rates?.split(',').map((one) => learningRate('--rates', one));
  return (['full', 'lora'] as const)
    .filter((one) => method === 'both' || method === one)
    .flatMap((one) => waysOf(one, parameters, rates));
};

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
  const { deadlineMs = MAX_DEADLINE_MS, ...machine } = machineOf(values);
  const share = shareCores(machine, values.model === DEFAULT_MODEL);
  const directory = directoryOf(values.model, DEFAULT_MODEL);
  const { gathered, corpus } = await gatherCorpus(values.corpus);
  const { documents, leftOut } = drawDocuments(gathered.documents, count, CALIBRATION_SEED);
  const prompts = documents.map(({ path, text }) => cut(text, path));
  const { embedder, state } = await openWorkplace(DEFAULT_EMBEDDER);
  const ports = { port: 0, gatewayPort: 0 };
  const options = { root: ROOT, state, model: directory, embedder, ...ports, ...share, deadlineMs, defaultCorpus: '' };
  const stack = await startStack(options);
  watchLifetime(0).onEnd(() => stack.close());
  try {
    await indexCorpus(stack.client, embedder, state, corpus, gathered.documents);
    const { parameters } = stack;
    const bySize = defaultsBySize(parameters);
    const rank = values.rank === undefined ? bySize.rank : whole('rank', values.rank, 1, MAX_RANK);
    const ways = triedWays(values, parameters);
    const bar = progress('calibrating', ways.length * prompts.length, { logged: true });
    const filter = withoutSources(leftOut);
    const trial = { edge: stack.client, corpus, n, rank, prompts, filter, parallel: share.workers };
    const tried = await measure(trial, ways, bar.update);
    bar.end();
    const summaries = tried.map(summaryOf);
    const chosen = choose(tried, { method: bySize.method, learningRate: bySize.learningRate[bySize.method] });
    const lines = [
      `${values.model}: ${parameters} parameters, ${prompts.length} documents left out of the selection, ${n} steps`,
      ...ratesTable(summaries, prompts.length),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    if (chosen === undefined) {
      process.stdout.write(
        'no rate saves bits without making more documents worse than a smaller one: tuning does not pay on this text, nothing was written\n',
      );
      return;
    }
    const doubt = chosen.isCertain ? '' : '; no saving is certain (95 %) on so few documents';
    process.stdout.write(`chosen: ${chosen.method} at ${chosen.learningRate}${doubt}\n`);
    if (values['dry-run']) return;
    const path = join(directory, SIFT_FILE);
    const date = new Date().toISOString().slice(0, 10);
    await save(path, chosen, rank, { date, documents: prompts.length, steps: n, table: tableOnFile(summaries) });
    process.stdout.write(`written to ${path}\n`);
  } finally {
    await stack.close();
  }
};

await runCommand('calibrate', async () => {
  await main();
  process.exit(0);
});
