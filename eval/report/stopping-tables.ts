// Tables about when to stop: every rule against fixed numbers of steps, and least similarities on the long runs.
import { type Arms, armNames, compare, gainsOver, valuesAt } from '../figures/arms.ts';
import { type Rules, stepsFor } from '../figures/stopping.ts';
import { FAR } from '../run/grid.ts';
import { macroMean, mean, type Observation } from '../statistics.ts';
import { digits, percent, type Table } from './format.ts';

export const stoppingTable = ({ rules, among, most }: Rules): Table => {
  const fixedRules = rules.filter(({ rule }) => rule === 'fixed');
  const all = fixedRules.find(({ parameter }) => parameter === most);
  return {
    id: `stopping-${most}`,
    title: `Stopping rules on ${among.length} runs of ${most} steps`,
    columns: [
      'rule',
      'parameter',
      'steps, mean',
      `steps saved of ${most}`,
      'gain',
      `gain lost of ${most} steps’`,
      'a fixed N needs',
      'steps saved at equal gain',
    ],
    rows: rules.map(({ rule, parameter, steps, gain }) => {
      const needed = rule === 'fixed' ? Number.NaN : stepsFor(gain, fixedRules);
      return [
        rule,
        String(parameter),
        digits(steps, 1),
        percent(1 - steps / most),
        digits(gain, 4),
        percent(1 - gain / (all?.gain ?? Number.NaN)),
        rule === 'fixed' ? '' : digits(needed, 1),
        rule === 'fixed' ? '' : percent(1 - steps / needed),
      ];
    }),
  };
};

/** The long runs, and those that a least similarity ends: steps taken and gain, beside the gains of fixed N. */
export const floorTable = (id: string, text: string, arms: Arms, bases: ReadonlyMap<string, Observation>): Table => {
  const far = arms.get('sift');
  const fixedGain = (n: number): number => macroMean([...gainsOver(bases, valuesAt(far, n)).values()]);
  const reference = far === undefined || far.size === 0 ? Number.NaN : fixedGain(FAR);
  const fixedRows = [10, 20, 30, 40, 50, 60, 70, 80, FAR].flatMap((n) =>
    Number.isNaN(reference)
      ? []
      : [
          [
            `fixed ${n}`,
            String(far?.size ?? 0),
            String(n),
            digits(fixedGain(n), 4),
            percent(1 - n / FAR),
            percent(1 - fixedGain(n) / reference),
          ],
        ],
  );
  const floors = armNames(arms).flatMap((arm) => {
    const values = valuesAt(arms.get(arm), FAR);
    const gain = compare(values, bases);
    if (arm === 'sift' || gain === undefined) return [];
    const steps = mean(Array.from(arms.get(arm)?.values() ?? [], ({ losses }) => losses.length));
    const own = -gain.difference.mean;
    return [
      [
        arm,
        String(gain.prompts),
        digits(steps, 1),
        digits(own, 4),
        percent(1 - steps / FAR),
        percent(1 - own / reference),
      ],
    ];
  });
  return {
    id,
    title: `A similarity threshold against a fixed N, up to ${FAR}: the ${text}`,
    columns: ['', 'prompts', 'steps, mean', 'gain', `steps saved of ${FAR}`, `gain lost of ${FAR} steps’`],
    rows: [...fixedRows, ...floors],
  };
};
