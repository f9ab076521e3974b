// The targets of the study, each beside what was measured.
import { compare, domainsOf, ofDomain, valuesAt } from '../figures/arms.ts';
import type { CopyLoss } from '../figures/copies.ts';
import { heldOut } from '../figures/stopping.ts';
import type { TextFigures } from '../figures/study.ts';
import { STEPS } from '../run/grid.ts';
import { digits, interval, percent, type Table } from './format.ts';

/** Largest loss of gain, as a share, at which a stopping rule counts. */
const MOST_LOST = 0.01;

interface Answer {
  readonly text: string;
  readonly reached: boolean;
}

const below = ({ arms }: TextFigures): Answer => {
  const found = [10, 20, 50].flatMap((n) => {
    const one = compare(valuesAt(arms.get('sift'), n), valuesAt(arms.get('nn'), n));
    return one === undefined ? [] : [{ n, ...one }];
  });
  return {
    text: found
      .map(
        ({ n, prompts, difference, wins }) =>
          `N=${n}: ${interval(difference)}, below on ${percent(wins)} of ${prompts}`,
      )
      .join('; '),
    reached: found.length > 0 && found.every(({ difference }) => difference.high < 0),
  };
};

const domainsBelow = ({ arms }: TextFigures): Answer => {
  const counts = [STEPS, 50].map((n) => {
    const means = domainsOf(arms.get('base')).flatMap((domain) => {
      const own = ofDomain(arms, domain);
      const found = compare(valuesAt(own.get('sift'), n), valuesAt(own.get('nn'), n));
      return found === undefined ? [] : [found.difference.mean];
    });
    return { n, of: means.length, count: means.filter((value) => value < 0).length };
  });
  return {
    text: counts.map(({ n, of, count }) => `N=${n}: ${count} of ${of}`).join('; '),
    reached: counts.every(({ of, count }) => of > 0 && count > of / 2),
  };
};

const predicted = ({ prediction }: TextFigures): Answer => {
  const over = prediction.overPrompts.find(({ n }) => n === STEPS);
  return {
    text: `over ${over?.prompts ?? 0} prompts at N=${STEPS}: ${digits(over?.absolute ?? Number.NaN, 2)}; along a run ${digits(prediction.alongRuns, 2)}; all prompts and steps together ${digits(prediction.pooled, 2)}`,
    reached: (over?.absolute ?? 0) >= 0.5 && prediction.alongRuns >= 0.5,
  };
};

const stopping = ({ stops }: TextFigures): Answer => {
  const said = stops.map(({ most, among }): Answer => {
    const held = heldOut(among, most, MOST_LOST);
    if (held === undefined) return { text: `of ${most} steps: no rule loses so little`, reached: false };
    const [saved, lost] = [1 - held.judged.steps / most, 1 - held.judged.gain / held.full.gain];
    const text = `of ${most} steps, ${held.chosen.rule} ${held.chosen.parameter} (chosen on half of the runs, judged on the other) saves ${percent(saved)} and loses ${percent(lost)}`;
    return { text, reached: saved >= 0.3 && lost <= MOST_LOST };
  });
  return { text: said.map(({ text }) => text).join('; '), reached: said.some(({ reached }) => reached) };
};

const TARGETS: readonly (readonly [string, (measured: TextFigures) => Answer])[] = [
  ['SIFT below NN in the mean over domains at N ≥ 10, interval excluding zero', below],
  ['SIFT below NN in most domains', domainsBelow],
  ['Spearman ≥ 0.5 between predicted and realised gain', predicted],
  ['adaptive stopping saves ≥ 30 % of the steps at a loss ≤ 1 % of the gain', stopping],
];

/** Each target on both texts; the runs with copies are scored on the first only. */
export const targetsOf = (first: TextFigures, second: TextFigures, copies: readonly CopyLoss[]): Table => {
  const five = (strategy: 'sift' | 'nn') => copies.find((one) => one.strategy === strategy && one.copies === 5);
  const yes = (value: boolean): string => (value ? 'yes' : 'no');
  return {
    id: 'targets',
    title: 'Targets',
    columns: ['target', 'scored', 'measured', 'reached'],
    rows: [
      ...TARGETS.flatMap(([target, ask]) =>
        [first, second].flatMap((measured) => {
          const { text, reached } = ask(measured);
          return text === '' || (measured.arms.get('sift')?.size ?? 0) === 0
            ? []
            : [[target, `the ${measured.scored}`, text, yes(reached)]];
        }),
      ),
      [
        'with 5-fold duplicates SIFT loses ≤ 5 % of its gain',
        `the ${first.scored}`,
        `SIFT ${percent(five('sift')?.lost ?? Number.NaN)}, NN ${percent(five('nn')?.lost ?? Number.NaN)} (${five('sift')?.prompts ?? 0} prompts)`,
        yes((five('sift')?.lost ?? Number.NaN) <= 0.05),
      ],
    ],
  };
};
