// docs/context.md, from eval/results/use.json: the picks of one selection tuned on, in the context, or both.
import type { UseFigures, UseSummary } from '../figures/uses.ts';
import type { Interval } from '../statistics.ts';

export interface UseJson extends UseSummary {
  readonly date: string;
  readonly machine: string;
  /** First half of the SHA-256 of the weights. */
  readonly model: string;
  readonly embedder: string;
  readonly contextTokens: number;
  /** Examples of the corpus. */
  readonly examples: number;
  readonly learningRate: number;
  readonly picks: number;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
const interval = (of: Interval | null): string =>
  of === null ? '' : `${signed(of.mean)} (${signed(of.low)} to ${signed(of.high)})`;
const NAMES: Readonly<Record<string, string>> = { nn: 'NN', sift: 'SIFT', '': 'base model' };
const nameOf = (strategy: string): string => NAMES[strategy] ?? strategy;

const row = ({
  strategy,
  use,
  bitsPerByte,
  byDomain,
  lessBase,
  lessTune,
  lessNn,
  better,
  seconds,
}: UseFigures): string =>
  `| ${[
    nameOf(strategy),
    use === 'base' ? '' : `\`${use}\``,
    bitsPerByte.toFixed(3),
    ...Object.values(byDomain).map((value) => value.toFixed(3)),
    interval(lessBase),
    interval(lessTune),
    interval(lessNn),
    better === null ? '' : `${Math.round(100 * better)} %`,
    seconds.toFixed(2),
  ].join(' | ')} |`;

/** How much of the gain of tuning the context alone has, and at what part of its time. */
const shares = ({ figures }: UseJson): string[] => {
  const of = (strategy: string, use: string) => figures.find((one) => one.strategy === strategy && one.use === use);
  const percent = (part: number, whole: number): string => `${Math.round((100 * part) / whole)} %`;
  return [...new Set(figures.map(({ strategy }) => strategy))].flatMap((strategy) => {
    const [tune, context] = [of(strategy, 'tune'), of(strategy, 'context')];
    if (!tune?.lessBase || !context?.lessBase) return [];
    const gain = percent(context.lessBase.mean, tune.lessBase.mean);
    return [
      `${nameOf(strategy)} ${gain} of the gain of tuning alone in ${percent(context.seconds, tune.seconds)} of its time`,
    ];
  });
};

export const contextPage = (json: UseJson): string => {
  const held = Object.entries(json.context)
    .map(
      ([strategy, { examples, tokens }]) => `${nameOf(strategy)} ${examples.toFixed(1)} (${Math.round(tokens)} tokens)`,
    )
    .join(', ');
  return `# Tuning, examples in the context, or both

The same ${json.picks} picks, used in each way that \`sift.use\` offers. Bits per byte of the ${json.prompts} continuations (800 characters each, after a prompt of up to 800), less is better; means over the domains ${json.domains.join(' and ')}; differences are paired, with 95 % bootstrap intervals over prompts. Written by \`node eval/use.ts\` from [use.json](../eval/results/use.json); nobody edits it by hand.

| picks | \`use\` | bits per byte | ${json.domains.join(' | ')} | less base | less tuning alone | less NN, same use | better than base | seconds |
|---|---|---:|${'---:|'.repeat(json.domains.length)}---:|---:|---:|---:|---:|
${json.figures.map(row).join('\n')}

In the context alone: ${shares(json).join('; ')}.

Measured on ${json.date} on ${json.machine}: the bundled model (\`${json.model.slice(0, 12)}\`), the starter corpus (${json.examples.toLocaleString('en-US')} examples), every prompt’s document and its twins left out, and any example that holds a part of the continuation; full fine-tuning at the default rate of ${json.learningRate}. Seconds are medians, from opening a session until the continuation has been read, without the selection; other work ran on the machine at the same time, so they compare the rows and are no statement of speed.

**The bundled model’s window bounds the context.** It has ${json.contextTokens.toLocaleString('en-US')} tokens, most of them taken by the prompt and its continuation. Of ${json.picks} picks there was room for, on average: ${held}. A step of tuning is made on each of the ${json.picks} all the same. A model with a longer window holds more of them, so these figures do not say how tuning and context compare there.
`;
};
