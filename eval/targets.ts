// What was asked to be reached, beside what was measured.
import { type Arms, compare, domainsOf, ofDomain, valuesAt } from './figures.ts';
import { digits, interval, percent, type Table } from './format.ts';
import { STEPS } from './plan.ts';
import type { Prediction } from './predict.ts';
import type { CopyLoss } from './side-tables.ts';
import type { Held } from './stopping.ts';

export const targetsOf = (
  main: Arms,
  copies: readonly CopyLoss[],
  prediction: Prediction,
  stops: readonly { readonly most: number; readonly held: Held | undefined }[],
): Table => {
  const toNn = (n: number) => compare(valuesAt(main.get('sift'), n), valuesAt(main.get('nn'), n));
  const below = [10, 20, 50].flatMap((n) => {
    const found = toNn(n);
    return found === undefined ? [] : [{ n, ...found }];
  });
  const domains = domainsOf(main.get('base')).flatMap((domain) => {
    const own = ofDomain(main, domain);
    const found = compare(valuesAt(own.get('sift'), STEPS), valuesAt(own.get('nn'), STEPS));
    return found === undefined ? [] : [found.difference.mean];
  });
  const five = (strategy: 'sift' | 'nn') => copies.find((one) => one.strategy === strategy && one.copies === 5);
  const said = stops.map(({ most, held }) => {
    if (held === undefined) return { text: `of ${most} steps: no rule loses so little`, reached: false };
    const [saved, lost] = [1 - held.judged.steps / most, 1 - held.judged.gain / held.full.gain];
    const text = `of ${most} steps, ${held.chosen.rule} ${held.chosen.parameter} (chosen on half of the runs, judged on the other) saves ${percent(saved)} and loses ${percent(lost)}`;
    return { text, reached: saved >= 0.3 && lost <= 0.01 };
  });
  const over = prediction.overPrompts.find(({ n }) => n === STEPS);
  const yes = (value: boolean): string => (value ? 'yes' : 'no');
  return {
    id: 'targets',
    title: 'Targets',
    columns: ['target', 'measured', 'reached'],
    rows: [
      [
        'SIFT below NN in the mean over domains at N ≥ 10, interval excluding zero',
        below.map(({ n, prompts, difference }) => `N=${n}: ${interval(difference)} (${prompts} prompts)`).join('; '),
        yes(below.length > 0 && below.every(({ difference }) => difference.high < 0)),
      ],
      [
        `SIFT below NN in most domains (N=${STEPS})`,
        `${domains.filter((value) => value < 0).length} of ${domains.length}`,
        yes(domains.filter((value) => value < 0).length > domains.length / 2),
      ],
      [
        'with 5-fold duplicates SIFT loses ≤ 5 % of its gain',
        `SIFT ${percent(five('sift')?.lost ?? Number.NaN)}, NN ${percent(five('nn')?.lost ?? Number.NaN)} (${five('sift')?.prompts ?? 0} prompts)`,
        yes((five('sift')?.lost ?? Number.NaN) <= 0.05),
      ],
      [
        'Spearman ≥ 0.5 between predicted and realised gain',
        `over ${over?.prompts ?? 0} prompts at N=${STEPS}: ${digits(over?.absolute ?? Number.NaN, 2)}; along a run ${digits(prediction.alongRuns, 2)}; all prompts and steps together ${digits(prediction.pooled, 2)}`,
        `over prompts ${yes((over?.absolute ?? 0) >= 0.5)}, along a run ${yes(prediction.alongRuns >= 0.5)}`,
      ],
      [
        'adaptive stopping saves ≥ 30 % of the steps at a loss ≤ 1 % of the gain',
        said.map(({ text }) => text).join('; '),
        yes(said.some(({ reached }) => reached)),
      ],
    ],
  };
};
