// docs/study/experts.md, from eval/results/experts.json: adapters trained ahead on clusters of the corpus, merged for each prompt.
import { type ExpertFigures, type ExpertSummary, LEAST_GAIN, MOST_TIME } from '../figures/experts.ts';
import type { Tried } from '../run/expert-study.ts';
import { digits, interval, percent, type Table } from './format.ts';
import { markdownOf } from './render.ts';

/** What was chosen on the tuning prompts, and the figures of the others. */
export interface Compared extends ExpertSummary {
  readonly rank: number;
  /** The experts' learning rate, and what was tried; the first entry is the base model. */
  readonly rate: number;
  readonly rates: readonly Tried[];
  readonly ratePrompts: number;
  readonly temperature: number;
  readonly temperatures: readonly Tried[];
  readonly tuningPrompts: number;
  /** Of tuning on a prompt's own picks. */
  readonly fullRate: number;
  readonly loraRate: number;
  readonly picks: number;
  /** Prompts that were drawn; the figures may be of fewer. */
  readonly planned: number;
}

export interface ExpertsJson extends Compared {
  readonly date: string;
  readonly machine: string;
  /** First half of the SHA-256 of the weights. */
  readonly model: string;
  readonly parameters: number;
  readonly embedder: string;
  /** Examples of the corpus, and those that hold a part of no prompt. */
  readonly examples: number;
  readonly shared: number;
  readonly sets: readonly { readonly k: number; readonly steps: number; readonly sizes: readonly number[] }[];
}

const number = (value: number): string => value.toLocaleString('en-US');

/** Small shares with a decimal, since the rule is about five of a hundred. */
const share = (value: number): string => (value < 0.2 ? `${(100 * value).toFixed(1)} %` : percent(value));

const mainTable = ({ prompts, planned, domains, figures }: ExpertsJson): Table => ({
  id: 'main',
  title: `The continuation, ${prompts} of ${planned} prompts, ${domains.length} domains`,
  columns: [
    'way',
    'bits per byte',
    'less base [95 %]',
    'of SIFT’s gain',
    'less SIFT’s steps [95 %]',
    'better than base',
    'worse by over 1 %',
    'time before reading',
    'with reading',
    'tokens trained on',
    '10¹² operations',
  ],
  rows: figures.map((one) => [
    one.name,
    digits(one.bitsPerByte),
    interval(one.lessBase, 3),
    percent(one.gain),
    interval(one.lessSift, 3),
    percent(one.better),
    percent(one.worse),
    share(one.time),
    share(one.timeWithReading),
    String(Math.round(one.trained)),
    digits(one.teraflops, 3),
  ]),
});

const domainTable = ({ domains, figures }: ExpertsJson): Table => ({
  id: 'domains',
  title: 'The same by domain, bits per byte',
  columns: ['way', ...domains],
  rows: figures.map(({ name, byDomain }) => [name, ...domains.map((domain) => digits(byDomain[domain] ?? Number.NaN))]),
});

const named = (one: ExpertFigures): string =>
  `${one.name}: ${percent(one.gain)} of SIFT’s gain in ${share(one.time)} of the time its steps add`;

const verdict = ({ figures, pays }: ExpertsJson): string => {
  const alone = figures.filter((one) => one.alone);
  const most = alone.reduce((best, one) => (one.gain > best.gain ? one : best));
  const rule = `at least ${percent(LEAST_GAIN)} of the gain of SIFT’s steps in at most ${percent(MOST_TIME)} of their time`;
  const rest = `Less ${percent(LEAST_GAIN)} of SIFT’s gain the change is ${interval(most.lessRule, 3)} (below zero: enough).`;
  return pays
    ? `**By the rule (${rule}) experts pay on this model.** The best of them alone: ${named(most)}. ${rest}`
    : `**By the rule (${rule}) experts do not pay on this model.** The best of them alone: ${named(most)}. ${rest} They stay in \`eval/\`.`;
};

const tried = (values: readonly Tried[]): string =>
  values.map(({ value, bitsPerByte }) => `${value} ${digits(bitsPerByte, 4)}`).join(', ');

const setText = ({ k, steps, sizes }: ExpertsJson['sets'][number]): string =>
  `${k} clusters of ${number(Math.min(...sizes))} to ${number(Math.max(...sizes))} examples, an expert of ${steps} of them each`;

export const expertsPage = (json: ExpertsJson): string => `# Experts trained ahead

Can the work of tuning be done before the prompt comes? As in TTMM ([arXiv 2505.14136](https://arxiv.org/abs/2505.14136)), the corpus is cut into clusters, one LoRA is trained on each ahead of time, and a prompt gets the few nearest of them, merged. Less is better. Written by \`node eval/experts.ts\` from [experts.json](../../eval/results/experts.json); nobody edits it by hand.

${verdict(json)}

${markdownOf(mainTable(json))}

Differences are paired; intervals are 95 % bootstrap intervals over prompts within their domains. *Time before reading* is what a request adds before its prompt is read (choosing examples or experts, opening a session, merging, steps), as a share of that of SIFT’s ${json.picks} steps: the median of the ratios by prompt, on one thread; a run that is interrupted goes on, so that two ways of a prompt may be timed some minutes apart. *With reading* adds reading the prompt and its continuation. Other work ran on the machine at the same time, so the shares compare ways and are no statement of speed; embedding the prompt is the same for all and left out.

${markdownOf(domainTable(json))}

## How it was done

- **Corpus and prompts** are those of [the study](results.md): ${number(json.examples)} examples, cut as the product cuts them. Prompts are the first 800 characters of documents, continuations the next 800. One set of experts serves all prompts, so no prompt’s document, nor a twin of it, is in the corpus, and no expert learns from an example that holds a part of any prompt’s or continuation’s text: ${number(json.shared)} examples are left, other forms of files (CommonJS) not counted. Other files of a prompt’s package are among them, for experts and for SIFT alike.
- **Clusters**: bisecting k-means over the unit vectors, seeded; the largest cluster is split until there are enough, and each side of a split has at least a tenth of it. ${json.sets.map(setText).join('; ')}.
- **An expert** is a LoRA of rank ${json.rank}, trained from the base weights in one pass, a step of Adam on each example, at a constant rate of ${json.rate}. That is a sample of its cluster, not all of it as in the paper: more steps, and more and smaller clusters, may give better experts. Experts that no prompt is given play no part and are not trained. The rate was chosen on ${json.ratePrompts} other prompts, each with its nearest expert alone (bits per byte; 0 is the base model: ${tried(json.rates)}).
- **Weights**: a softmax of the prompt’s cosine with the centroids, of the top few only. The temperature of ${json.temperature} was chosen on ${json.tuningPrompts} other prompts with the top three (bits per byte: ${tried(json.temperatures)}). Merging adds the experts’ changes of each weight, times their weights: the factors lie side by side, the rank is the sum of theirs, nothing is lost.
- **Beside them**: the nearest neighbours and SIFT, ${json.picks} picks and one step on each, full fine-tuning at ${json.fullRate} or LoRA of rank ${json.rank} at ${json.loraRate}, the model’s own defaults; the same SIFT picks in the context, as many as its window holds. *Experts, then SIFT* goes on from the merged factors, all of which are trained, at the rate of LoRA divided by the number of experts, since the rank is so much higher; a rate of its own was not looked for.
- **Operations** are multiplications and additions before the first token, counted as in [context.md](context.md), factors included. Clustering and training experts are not counted: they are done once for a corpus.
- The bundled model (\`${json.model.slice(0, 12)}\`, ${number(json.parameters)} parameters), embedder ${json.embedder}; ${json.date}, ${json.machine}.
`;
