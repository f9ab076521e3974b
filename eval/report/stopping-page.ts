// docs/study/stopping.md, from eval/results/stop-rules.json: when a run should end, and who should get the steps of a shared budget. The
// conclusions in front are a person's (eval/stopping-findings.md).
import type { Between } from '../figures/halves.ts';
import { COMPARED_AT, type Judgement, MOST_LOST } from '../figures/judge-stopping.ts';
import type { Along, Predicted } from '../figures/predict-gain.ts';
import type { Shared } from '../figures/share-steps.ts';
import { FIXED } from '../figures/stop-rules.ts';
import type { StoppingFigures } from '../figures/stopping-figures.ts';
import type { Interval } from '../statistics.ts';
import { digits, interval, percent, type Table } from './format.ts';
import { markdownOf } from './render.ts';

export interface StoppingJson extends StoppingFigures {
  readonly date: string;
  readonly machine: string;
  /** First half of the SHA-256 of the weights. */
  readonly weights: string;
  readonly parameters: number;
  readonly method: 'full' | 'lora';
  readonly learningRate: number;
  readonly embedder: string;
  readonly examples: number;
  readonly prompts: number;
  readonly planned: number;
  readonly domains: readonly string[];
}

const shares = ({ mean, low, high }: Between): string => `${percent(mean)} [${percent(low)}, ${percent(high)}]`;

const curveTable = ({ curve }: StoppingJson): Table => ({
  id: 'curve',
  title: 'Gain by number of steps',
  columns: ['steps', 'gain, bits per byte', 'prompts worse than the base'],
  rows: curve.map(([steps, gain, worse]) => [String(steps), digits(gain, 4), percent(worse)]),
});

const rulesTable = ({ most, gain, rules }: Judgement): Table => ({
  id: `rules-${most}`,
  title: `Instead of ${most} steps`,
  columns: ['rule', 'steps saved [95 %]', `gain lost of ${most} steps’ [95 %]`, 'ahead of as many fixed steps [95 %]'],
  rows: rules.map(({ rule, saved, lost, ahead }) => [
    rule,
    shares(saved),
    shares(lost),
    rule === FIXED ? '' : shares(ahead),
  ]),
  note: `${most} steps gain ${digits(gain, 4)} bits per byte. Losses and leads are in per cent of that gain.`,
});

const comparedTable = ({ most, rules }: Judgement): Table => ({
  id: `compared-${most}`,
  title: `Each rule at the parameter that makes about ${percent(COMPARED_AT)} of ${most} steps`,
  columns: ['rule', 'parameter', 'mean steps', 'gain, bits per byte', 'ahead of as many fixed steps [95 %]'],
  rows: rules.map(({ rule, compared: { parameter, steps, gain, ahead } }) => [
    rule,
    String(parameter),
    digits(steps, 1),
    digits(gain, 4),
    rule === FIXED ? '' : shares(ahead),
  ]),
  note: 'No parameter is chosen by its gain here, so that all prompts judge.',
});

const boundTable = ({ most, bound }: Judgement): Table => ({
  id: `bound-${most}`,
  title: `With hindsight, of ${most} steps`,
  columns: ['mean steps', 'gain, bits per byte'],
  rows: bound.map(({ steps, gain }) => [digits(steps, 1), digits(gain, 4)]),
});

const predictedTable = (predicted: readonly Predicted[], total: number): Table => ({
  id: `predicted-${total}`,
  title: `Spearman over prompts with the gain of ${total} steps`,
  columns: ['signal', 'read after', 'gain so far [95 %]', `gain of ${total} steps [95 %]`, 'gain still to come [95 %]'],
  rows: predicted
    .filter((one) => one.total === total)
    .map(({ signal, after, now, all, rest }) => [
      signal,
      String(after),
      interval(now, 2),
      interval(all, 2),
      after === total ? '' : interval(rest, 2),
    ]),
});

const alongTable = (along: readonly Along[]): Table => ({
  id: 'along',
  title: 'Spearman along a run, mean over prompts',
  columns: ['signal', 'of steps', 'with the gain so far [95 %]'],
  rows: along.map(({ signal, steps, value }) => [signal, String(steps), interval(value, 2)]),
});

const inBits = (value: Interval): string => interval(value, 4);

const sharedTable = (shared: readonly Shared[]): Table => ({
  id: 'shared',
  title: 'Steps of a budget dealt out by a signal, against the same number for all',
  columns: [
    'steps a prompt',
    'dealt out by',
    'gain more, bits per byte [95 %]',
    'of the same number’s gain',
    'steps used',
  ],
  rows: shared.flatMap(({ each, gain, ways, best }) => [
    ...ways.map(({ way, more, spent }) => [
      String(each),
      way,
      inBits(more),
      percent(more.mean / gain),
      percent(spent.mean),
    ]),
    [String(each), 'hindsight', digits(best, 4), percent(best / gain), ''],
  ]),
});

const number = (value: number): string => value.toLocaleString('en-US');

export const stoppingPage = (json: StoppingJson, findings: string): string => {
  const { judged, predicted, along, shared, prompts, planned, domains } = json;
  const method = json.method === 'lora' ? 'LoRA' : 'full fine-tuning';
  const totals = [...new Set(predicted.map(({ total }) => total))];
  return `# When to stop

Should a run of tuning steps end early, and can a signal say when? Written by \`node eval/stopping.ts\` from eval/results/stop-rules.json; only the conclusions are a person’s (eval/stopping-findings.md). Gains are of the continuation: bits per byte of the base model less those of the tuned one; more is better.

${findings.trim()}

## Measured

The bundled model (\`${json.weights.slice(0, 12)}\`, ${number(json.parameters)} parameters), ${method} at its default rate of ${json.learningRate}, one step on each of 100 SIFT picks out of ${number(json.examples)} examples (embedder ${json.embedder}); ${prompts} of ${planned} planned prompts, ${domains.length} domains. ${json.date}, ${json.machine}.

${markdownOf(curveTable(json))}

## Rules

A rule’s parameter is chosen on one half of the prompts, as the one with the fewest steps that loses at most ${percent(MOST_LOST)} of the whole run’s gain there, and judged on the other half; then the other way round. Figures are means over 100 random halves; intervals also draw the prompts of each half with replacement. A fixed number of steps is chosen in the same way, so that a rule pays only if it is ahead of as many fixed steps as it made itself.

${judged
  .map(
    (one) =>
      `![Rules instead of ${one.most} steps: gain by mean number of steps](../../eval/results/stop-rules-${one.most}.svg)\n\n${markdownOf(rulesTable(one))}\n\n${markdownOf(comparedTable(one))}\n\n${markdownOf(boundTable(one))}`,
  )
  .join('\n\n')}

## Predicting the gain

What is known after some steps, with the gain that the continuation then has. Intervals draw prompts with replacement.

${totals.map((total) => markdownOf(predictedTable(predicted, total))).join('\n\n')}

${markdownOf(alongTable(along))}

## A budget shared by many prompts

The gain of a prompt as a function of its steps is learned from one half of the prompts, from signals that are known before or after its first steps, and the steps of the other half are dealt out by it, at most 100 to a prompt.

${markdownOf(sharedTable(shared))}

## How it was measured

- A prompt is the first 800 characters of a document, the continuation the next 800; neither the document nor a near copy of it is in the corpus, nor may an example hold a longer part of either text.
- Both texts are read after 0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70 and 100 steps; between them gains are taken as linear.
- *Prequential* is a pick’s loss before its own step less its loss under the base weights ([guard.md](../design/guard.md)); *capped*: no pick counts as gained more than 0.1 nats a token. *A fitted line*: the loss falls by b·ln(step), and the run ends where even one standard error more of b would gain less than the cost. *Windows*: the mean of the last ten picks against the ten before. *Discounted mean rises*: the running mean has gone up from its lowest. *Ten steps, the rest if they helped*: the capped mean after ten picks decides once.
- *All signals, learned*: a line through the fitted slope, the last picks’ mean, the next picks’ similarity and σ², and the prompt’s own gain, each over the number of steps, fitted to the next steps’ gain on the half that the parameter is chosen on; its line in the pictures is fitted on the prompts that it is drawn for, and flatters it.
- *The prompt’s own bits* are read where the continuation’s are; a server would pay a forward pass for each reading.
`;
};
