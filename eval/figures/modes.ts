// From rows of eval/run/modes.ts to the figures of docs/study/context.md: what each way of using the picks gives and what it costs.
// A mode is a strategy, so many steps, so many picks in the context; only prompts that all modes of a table have count in
// it, so that all its comparisons are paired.
import { at } from '../../wire/list.ts';
import type { Scored } from '../material/setting.ts';
import type { ModeRow, Reading } from '../run/modes.ts';
import type { Shape } from '../run/shape.ts';
import {
  bootstrap,
  type Interval,
  macroMean,
  mean,
  type Observation,
  short,
  shortInterval,
  winRate,
} from '../statistics.ts';

export interface Mode {
  /** Empty for the base model. */
  readonly strategy: string;
  readonly copies: number;
  readonly steps: number;
  readonly context: number;
  readonly text: Scored;
}

export interface ModeFigures extends Mode {
  readonly bitsPerByte: number;
  readonly byDomain: Readonly<Record<string, number>>;
  /** Less the base model's, and NN's in the same mode; negative is better. */
  readonly lessBase: Interval | null;
  readonly lessNn: Interval | null;
  /** Shares of the prompts: better than the base, and worse by more than 1 %. */
  readonly better: number | null;
  readonly worse: number | null;
  /** Means over prompts: tokens of the prompt with its examples, tokens trained on, and the arithmetic of both, in 10¹² operations. */
  readonly read: number;
  readonly trained: number;
  readonly teraflops: number;
  /** Examples in the context. */
  readonly examples: number;
}

export interface ModeTable {
  readonly prompts: number;
  readonly domains: readonly string[];
  readonly figures: readonly ModeFigures[];
}

interface Measured {
  readonly domain: string;
  readonly reading: Reading;
  readonly trained: readonly number[];
  readonly method: 'full' | 'lora';
}

/** A reading before any step and without examples is the base model's, whatever was picked. */
const modeOf = ({ strategy, copies }: ModeRow, { steps, context, text }: Reading): Mode =>
  steps === 0 && context === 0
    ? { strategy: '', copies: 1, steps, context, text }
    : { strategy, copies, steps, context, text };

const keyOf = ({ strategy, copies, steps, context, text }: Mode): string =>
  [strategy, copies, steps, context, text].join(' ');

/** By mode and prompt; where two runs give the same reading, the first. */
export const byMode = (rows: readonly ModeRow[]): ReadonlyMap<string, ReadonlyMap<string, Measured>> => {
  const found = new Map<string, Map<string, Measured>>();
  for (const row of rows) {
    for (const reading of row.readings) {
      const key = keyOf(modeOf(row, reading));
      const of = found.get(key) ?? new Map<string, Measured>();
      found.set(key, of);
      const { domain, tokens, tuning } = row;
      if (!of.has(row.prompt)) of.set(row.prompt, { domain, reading, trained: tokens, method: tuning.method });
    }
  }
  return found;
};

/**
 * Multiplications and additions of one pass over a sequence: 2 a parameter and token, and causal attention's 2·layers·width
 * a token and token before it. A backward pass costs as much for the activations, and for full fine-tuning again as much
 * for the weights (Kaplan et al. 2020, section 2.1).
 */
export const operations = ({ parameters, layers, width }: Shape, tokens: number, passes: number): number =>
  passes * (2 * parameters * tokens + 2 * layers * width * tokens * tokens);

const PASSES = { full: 3, lora: 2 } as const;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** `promptTokens`: of each prompt alone, by its id. */
export const tableOf = (
  rows: readonly ModeRow[],
  modes: readonly Mode[],
  shape: Shape,
  promptTokens: ReadonlyMap<string, number>,
): ModeTable => {
  const found = byMode(rows);
  const of = modes.map((mode) => ({ mode, measured: found.get(keyOf(mode)) ?? new Map<string, Measured>() }));
  const [first] = of;
  const prompts = [...(first?.measured.keys() ?? [])].filter((id) => of.every(({ measured }) => measured.has(id)));
  const domainOf = new Map(prompts.map((id) => [id, first?.measured.get(id)?.domain ?? '']));
  const domains = [...new Set(domainOf.values())].toSorted();
  const take = (measured: ReadonlyMap<string, Measured>): Measured[] => prompts.flatMap((id) => measured.get(id) ?? []);
  const observed = (measured: ReadonlyMap<string, Measured>): Observation[] =>
    take(measured).map(({ domain, reading }) => ({ domain, value: reading.bitsPerByte }));
  const less = (a: readonly Observation[], b: readonly Observation[]): Interval =>
    shortInterval(bootstrap(a.map(({ domain, value }, i) => ({ domain, value: value - at(b, i).value }))));
  const figures = of.map(({ mode, measured }): ModeFigures => {
    const own = observed(measured);
    const other = (wanted: Partial<Mode>): Observation[] | undefined => {
      const values = found.get(keyOf({ ...mode, ...wanted }));
      return values === undefined || take(values).length < prompts.length ? undefined : observed(values);
    };
    const isBase = mode.strategy === '';
    const base = other({ strategy: '', copies: 1, steps: 0, context: 0 });
    const nn = isBase || mode.strategy === 'nn' ? undefined : other({ strategy: 'nn' });
    const costs = prompts.flatMap((id) => {
      const one = measured.get(id);
      if (one === undefined) return [];
      const { reading, trained, method } = one;
      const read = reading.tokens + (mode.text === 'continuation' ? (promptTokens.get(id) ?? Number.NaN) : 0);
      const stepped = trained.slice(0, mode.steps);
      const flops =
        operations(shape, read, 1) + sum(stepped.map((tokens) => operations(shape, tokens, PASSES[method])));
      return [{ read, trained: sum(stepped), flops, examples: reading.examples }];
    });
    const byDomain = (domain: string): number =>
      short(mean(own.filter((one) => one.domain === domain).map(({ value }) => value)));
    return {
      ...mode,
      bitsPerByte: short(macroMean(own)),
      byDomain: Object.fromEntries(domains.map((domain) => [domain, byDomain(domain)])),
      lessBase: isBase || base === undefined ? null : less(own, base),
      lessNn: nn === undefined ? null : less(own, nn),
      better:
        isBase || base === undefined ? null : short(winRate(own.map(({ value }, i) => value - at(base, i).value))),
      worse:
        isBase || base === undefined
          ? null
          : short(mean(own.map(({ value }, i) => (value > 1.01 * at(base, i).value ? 1 : 0)))),
      read: short(mean(costs.map(({ read }) => read)), 1),
      trained: short(mean(costs.map(({ trained }) => trained)), 1),
      teraflops: short(mean(costs.map(({ flops }) => flops)) / 1e12),
      examples: short(mean(costs.map(({ examples }) => examples)), 2),
    };
  });
  return { prompts: prompts.length, domains, figures };
};
