// The written study: docs/study.md from the tables, with method, pictures, what was aimed at and what came out, threats.
// What a person concluded stands in eval/findings.md and is set in front.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { STRIDE } from '../../corpus/chunk.ts';
import { HALF } from '../material/prompts.ts';
import { LONG_RUN, SHINGLE, TWIN_SHARE } from '../material/twins.ts';
import { DEGREE, LAMBDA, LORA_RANK, REPEAT, STEPS } from '../run/plan.ts';
import type { Analysis } from './analysis.ts';
import type { Table } from './format.ts';
import { draw } from './pictures.ts';

export const markdownOf = ({ title, columns, rows, note }: Table): string =>
  [
    `**${title}**`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${columns.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    ...(note === undefined ? [] : ['', note]),
  ].join('\n');

/** The table for a terminal: columns as wide as they need. */
export const plainOf = ({ title, columns, rows, note }: Table): string => {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [
    title,
    '',
    line(columns),
    line(widths.map((width) => '─'.repeat(width))),
    ...rows.map(line),
    ...(note === undefined ? [] : ['', note]),
  ].join('\n');
};

/** One file a table, the figures as numbers, and everything that says what they are of. */
export const writeResults = async (analysis: Analysis, directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const write = (name: string, value: unknown): Promise<void> =>
    writeFile(join(directory, `${name}.json`), `${JSON.stringify(value, null, 1)}\n`);
  await write('study', { ...analysis.about, targets: analysis.targets, tables: analysis.tables });
  for (const [name, value] of Object.entries(analysis.data)) {
    // long lists of figures: a line a file is enough
    if (value !== undefined) await writeFile(join(directory, `${name}.json`), `${JSON.stringify(value)}\n`);
  }
  await draw(analysis.pictures, directory);
};

const SECTIONS: readonly { title: string; text: string; tables: readonly string[]; pictures: readonly string[] }[] = [
  {
    title: 'Does it pay, and does SIFT beat nearest neighbours',
    text: 'Differences are paired by prompt; below zero, the first is better. Intervals are 95 %, by bootstrap over prompts within their domains.',
    tables: ['main-10', 'main-20', 'main-50', 'curve', 'domains-10', 'domains-50'],
    pictures: ['curve', 'domains'],
  },
  {
    title: 'The other text scored',
    text: 'The same runs, but for examples that are hidden because they hold a part of the scored text.',
    tables: ['other-10', 'other-20', 'other-50', 'other-domains', 'other-prediction'],
    pictures: ['other-curve'],
  },
  {
    title: 'How the corpus is cut',
    text: 'End to end (`disjoint`); each example repeating half of the one before (`half`); three quarters of it (`overlapping`, the product’s way). Examples are of the same length.',
    tables: ['cuts-prompt', 'cuts-continuation'],
    pictures: [],
  },
  {
    title: 'The kernel',
    text: 'k(x,y) = (φ(x)·φ(y))^p. At degree p = 1, the paper’s, examples that are a little alike count as redundant; at 6 near copies alone do.',
    tables: ['kernel'],
    pictures: ['kernel'],
  },
  {
    title: 'Why: relevance and redundancy',
    text: 'Gains of single steps of the `sift` runs, less the mean at the same step: what a step is worth by how near its example is to the prompt, and to the nearest example already taken.',
    tables: ['why'],
    pictures: [],
  },
  {
    title: 'Duplicates',
    text: 'The index holds every example once, twice, five or ten times; or, below, the packages as they are installed, most files of which come in two or three forms.',
    tables: ['copies', 'forms'],
    pictures: ['copies'],
  },
  { title: 'Pools, rounds and stripes', text: '', tables: ['pools'], pictures: ['pools'] },
  {
    title: 'Negative covariance',
    text: 'At degree 1 and λ = 0.1, where such picks are made.',
    tables: ['signs'],
    pictures: [],
  },
  { title: 'Float32 against Q15', text: '', tables: ['q15'], pictures: [] },
  { title: 'Does σ² predict the gain', text: '', tables: ['prediction', 'predictors'], pictures: ['prediction'] },
  {
    title: 'When to stop',
    text: 'A least similarity (`min_similarity`) leaves out candidates that are not like the prompt, and so ends a run by itself. The other rules are read off runs that went on to the end. `alpha`: before the first n with σₙ > 1/(αn). `level`: once σ² is below a share of its beginning. `share`: once a pick lowers σ² by less than a share of what the first did. `covariance`: before the first pick whose posterior covariance with the prompt is below a threshold. `similarity`: after the last pick that is as like the prompt.',
    tables: ['far-prompt', 'far-continuation', 'stopping-20', 'stopping-50', 'stopping-100'],
    pictures: ['stopping-50', 'stopping-100'],
  },
  { title: 'Gradient reuse', text: '', tables: ['reuse'], pictures: [] },
  { title: 'Full fine-tuning and LoRA', text: '', tables: ['lora'], pictures: [] },
  { title: 'Without the prompt’s own package', text: '', tables: ['siblings'], pictures: [] },
  { title: 'Learning rates', text: '', tables: ['rates'], pictures: [] },
  { title: 'Time', text: '', tables: ['time'], pictures: [] },
];

const SCORED = {
  prompt: 'the prompt’s own text, given nothing, as in the paper',
  continuation: `the ${HALF} characters that follow the prompt, given the prompt, as the product is used`,
} as const;

const method = ({ about }: Analysis): string => `## Method

- **Documents**: ${about.source}. ${about.documents} documents make a corpus of ${about.examples} examples, cut as \`npm start\` cuts them: some 700 characters each, at lines, one beginning every ${STRIDE} characters.
- **Prompts**: ${about.prompts} documents kept out of the corpus, drawn evenly by the hash of their path, at most a fifth of a domain from one package: ${about.domains}.
- **What is embedded**: the first ${HALF} characters of the document, up to the end of a line, read from their end as the product does; and every example from its beginning.
- **What is tuned on**: the picks, in the order of the selection, one gradient step each (Adam, β 0.9 and 0.999, no decay), from the base weights for every prompt. A repeated pick is a second step. Full fine-tuning unless said otherwise; LoRA has rank ${LORA_RANK}.
- **What is scored**: bits per byte of ${SCORED[about.scored]}; under “the other text scored”, of ${SCORED[about.scored === 'prompt' ? 'continuation' : 'prompt']}.
- **No twins**: a prompt's own document is never in the corpus, nor is a document with more than ${100 * TWIN_SHARE} % of its ${SHINGLE}-word shingles in common with it, either way. For each prompt, examples that hold ${LONG_RUN} words in a row of its scored text are hidden. Other files of the same package stay in, as in any real corpus; the table without them is below. The corpus keeps its own near-duplicates, but for CommonJS forms of files that are there as ES modules, and declarations of single module systems, which are in where the table says so.
- **Strategies**: \`nn\` is the index's answer, as in the paper; \`nn distinct\` the product's, where copies collapse; \`nn-f\` the nearest example N times; \`mmr\`, \`uncertainty\` (largest posterior variance), \`hullft\` (arXiv 2605.30337, as far as its abstract fixes it) and \`random of 200\` choose from the 200 nearest; \`random\` from the whole corpus. SIFT is the product's kernel on the product's pool (three rounds of 50), of degree ${DEGREE}, λ = ${LAMBDA} and ${REPEAT ? 'repeats allowed' : 'no example picked twice'} unless its name says otherwise; \`the paper’s λ\` is degree 1, λ = 0.01, with repeats; \`inner product\` degree 1, λ = 10, without. A run of 50 steps gives all smaller N, since picks are made one by one; only HullFT is run for each N.
- **Learning rates**: the best of a grid for each strategy, on ${about.tuning} other prompts, by their continuation after ${STEPS} steps; SIFT’s kernel was chosen there too.
- **Model**: ${about.modelName}, weights ${about.model}; embedder ${about.embedder}. Results belong to the fingerprint ${about.fingerprint} of weights, embedder and corpus.
- **Machine**: ${about.machine}. ${about.date}.
`;

const THREATS = `## Threats to validity

- Prompts are beginnings of files of software packages: code, its documentation and manuals.
- The model is small. A larger one knows more beforehand, and gains less or otherwise.
- One seed: a run is deterministic given its picks, so intervals hold over prompts, not over training noise.
- Domains are few and chosen; the mean over them is of these domains.
- A run of 50 steps has one pool, gathered for 50 picks; the product gathers a pool for the n it is asked for.
- Learning rates come from a grid of three or four, at ten steps; at other N, and for the other text, another rate may be better.
- Overlapping examples were found better, and the degree chosen, on other prompts of the same packages and domains.
- The table of stopping rules shows all runs; only the rule named under the targets was chosen on other runs than it is judged on.
- Packages that this repository installs were refused from the model's training set, but packages copy from each other.
- The time of a step was measured while two tuning runs shared the machine's cores.
`;

export const writeStudy = async (
  analysis: Analysis,
  results: string,
  file: string,
  findings: string,
): Promise<void> => {
  const tables = new Map(analysis.tables.map((table) => [table.id, table]));
  const pictures = new Map(analysis.pictures.map((picture) => [picture.id, picture]));
  const images = relative(dirname(file), results).replaceAll('\\', '/');
  const sections = SECTIONS.flatMap(({ title, text, tables: wanted, pictures: drawn }) => {
    const found = wanted.flatMap((id) => tables.get(id) ?? []).filter(({ rows }) => rows.length > 0);
    if (found.length === 0) return [];
    const shown = drawn.flatMap((id) => {
      const picture = pictures.get(id);
      return picture === undefined ? [] : [`![${picture.title}](${images}/${id}.svg)`];
    });
    return [[`## ${title}`, ...(text === '' ? [] : [text]), ...shown, ...found.map(markdownOf)].join('\n\n')];
  });
  const said = existsSync(findings) ? `${readFileSync(findings, 'utf8').trim()}\n\n` : '';
  const targets = `## What was aimed at\n\n${markdownOf(analysis.targets)}\n`;
  const intro =
    '# The quality study\n\nDoes test-time fine-tuning on SIFT’s picks beat nearest neighbours here, and when should it stop? Written by ' +
    '`npm run eval`, which goes on where it was interrupted and rewrites this page. Raw figures and pictures are in `eval/results/`.\n\n';
  const state = `${analysis.about.done} of ${analysis.about.planned} tuning runs are done.\n\n`;
  await writeFile(
    file,
    `${intro}${said}${state}${targets}\n${method(analysis)}\n${sections.join('\n\n')}\n\n${THREATS}`,
  );
};
