// From rows of eval/run/uses.ts to the figures of docs/context.md: means, paired differences with 95 % intervals, medians.
import { at } from '../../wire/list.ts';
import type { UseMode, UseRow } from '../run/uses.ts';
import { USES } from '../run/uses.ts';
import { bootstrap, type Interval, macroMean, mean, quantile, winRate } from '../statistics.ts';

export interface UseFigures {
  readonly strategy: string;
  readonly use: UseMode;
  readonly bitsPerByte: number;
  /** The same in each domain. */
  readonly byDomain: Readonly<Record<string, number>>;
  /** Less the base model's, the same strategy's tuning, and NN's in the same mode; negative is better. */
  readonly lessBase: Interval | null;
  readonly lessTune: Interval | null;
  readonly lessNn: Interval | null;
  /** Share of the prompts that are better than the base. */
  readonly better: number | null;
  /** Medians. */
  readonly seconds: number;
}

export interface UseSummary {
  readonly prompts: number;
  readonly domains: readonly string[];
  readonly figures: readonly UseFigures[];
  /** By strategy, means over the prompts. */
  readonly context: Readonly<Record<string, { readonly examples: number; readonly tokens: number }>>;
}

const short = (value: number): number => Number(value.toFixed(4));
const shortInterval = ({ mean: middle, low, high }: Interval): Interval => ({
  mean: short(middle),
  low: short(low),
  high: short(high),
});

/** Only prompts that every strategy was measured on count, so that all comparisons are paired. */
export const summarise = (rows: readonly UseRow[]): UseSummary => {
  const strategies = [...new Set(rows.map(({ strategy }) => strategy))].toSorted();
  const byPrompt = [...Map.groupBy(rows, ({ prompt }) => prompt).values()].filter(
    (group) => group.length === strategies.length,
  );
  const rowsOf = (strategy: string): UseRow[] =>
    byPrompt.map((group) =>
      at(
        group.filter((row) => row.strategy === strategy),
        0,
      ),
    );
  const difference = (of: readonly UseRow[], use: UseMode, from: readonly UseRow[], other: UseMode): Interval =>
    shortInterval(bootstrap(of.map(({ domain, bits }, i) => ({ domain, value: bits[use] - at(from, i).bits[other] }))));
  const domains = [...new Set(byPrompt.map((group) => at(group, 0).domain))].toSorted();
  const inDomain = (of: readonly UseRow[], use: UseMode, wanted: string): number =>
    short(mean(of.filter(({ domain }) => domain === wanted).map(({ bits }) => bits[use])));
  const nn = strategies.includes('nn') ? rowsOf('nn') : [];
  const figures = strategies.flatMap((strategy, index) => {
    const of = rowsOf(strategy);
    return USES.filter((use) => use !== 'base' || index === 0).map((use): UseFigures => {
      const base = use === 'base';
      return {
        strategy: base ? '' : strategy,
        use,
        bitsPerByte: short(macroMean(of.map(({ domain, bits }) => ({ domain, value: bits[use] })))),
        byDomain: Object.fromEntries(domains.map((domain) => [domain, inDomain(of, use, domain)])),
        lessBase: base ? null : difference(of, use, of, 'base'),
        lessTune: base || use === 'tune' ? null : difference(of, use, of, 'tune'),
        lessNn: base || strategy === 'nn' || nn.length === 0 ? null : difference(of, use, nn, use),
        better: base ? null : short(winRate(of.map(({ bits }) => bits[use] - bits.base))),
        seconds: short(
          quantile(
            of.map(({ seconds }) => seconds[use]),
            0.5,
          ),
        ),
      };
    });
  });
  return {
    prompts: byPrompt.length,
    domains,
    figures,
    context: Object.fromEntries(
      strategies.map((strategy) => {
        const of = rowsOf(strategy);
        const examples = short(mean(of.map((row) => row.examples)));
        return [strategy, { examples, tokens: short(mean(of.map(({ tokens }) => tokens))) }];
      }),
    ),
  };
};
