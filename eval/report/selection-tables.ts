// Tables about what is picked: copies of every example, pools, kernels, Q15 rows, the sign of a pick's covariance.
import { type Arms, compare, valuesAt } from '../figures/arms.ts';
import type { CopyLoss } from '../figures/copies.ts';
import { signSteps } from '../figures/signs.ts';
import { KERNELS, kernelName, STEPS } from '../run/grid.ts';
import type { Surrogate } from '../run/selections.ts';
import { bootstrap, macroMean, mean, type Observation } from '../statistics.ts';
import { digits, gainOf, interval, percent, type Table } from './format.ts';

type Bases = ReadonlyMap<string, Observation>;

/** An arm's gain after STEPS steps, and its prompts; empty where it has none. */
const gainCell = (arms: Arms, arm: string, bases: Bases): string => {
  const gain = compare(valuesAt(arms.get(arm), STEPS), bases);
  if (gain === undefined) return '';
  return `${interval(gainOf(gain.difference))} (${gain.prompts})`;
};

export const copyTable = (losses: readonly CopyLoss[]): Table => ({
  id: 'copies',
  title: `Every example of the corpus several times: gain after ${STEPS} steps`,
  columns: ['strategy', 'copies', 'prompts', 'gain [95 %]', 'gain lost', 'distinct examples'],
  rows: losses.map(({ strategy, copies, prompts, gain, lost, distinct }) => [
    strategy,
    String(copies),
    String(prompts),
    interval(gain),
    copies === 1 ? '' : percent(lost),
    digits(distinct, 1),
  ]),
});

export const poolTable = (arms: Arms, bases: Bases, surrogate: Surrogate): Table => {
  const limit = surrogate.pools.find(({ name }) => name === 'whole corpus');
  const [limit10, limit50] = [macroMean(limit?.at10 ?? []), macroMean(limit?.at50 ?? [])];
  return {
    id: 'pools',
    title: 'Pools: their size, the σ² they reach, and what the model gains',
    columns: [
      'pool',
      'queries',
      'candidates',
      'σ² after 10',
      'over the limit',
      'σ² after 50',
      'over the limit',
      `gain after ${STEPS} [95 %] (prompts)`,
    ],
    rows: surrogate.pools.map(({ name, size, queries, at10, at50 }) => {
      const [ten, fifty] = [macroMean(at10), macroMean(at50)];
      return [
        name,
        digits(queries, 1),
        digits(size, 0),
        digits(ten),
        percent(ten / limit10 - 1),
        digits(fifty),
        percent(fifty / limit50 - 1),
        gainCell(arms, name, bases),
      ];
    }),
    note: `σ² on ${surrogate.prompts} prompts, each pool gathered for as many picks as are made; the limit is greedy selection over the whole corpus.`,
  };
};

export const kernelTable = (arms: Arms, bases: Bases, surrogate: Surrogate): Table => ({
  id: 'kernel',
  title: `The kernel: which examples are picked, and the gain after ${STEPS} steps`,
  columns: [
    'degree',
    'λ',
    'repeats',
    'distinct of 10',
    'distinct of 50',
    'negative covariance, of 10',
    'most alike two of 10',
    'gain [95 %] (prompts)',
  ],
  rows: KERNELS.map((kernel) => {
    const figures = surrogate.kernels.find(({ name }) => name === kernelName(kernel));
    return [
      String(kernel.degree),
      String(kernel.lambda),
      kernel.repeat ? 'yes' : 'no',
      digits(figures?.distinct10 ?? Number.NaN, 1),
      digits(figures?.distinct50 ?? Number.NaN, 1),
      percent(figures?.negative10 ?? Number.NaN),
      digits(figures?.alike ?? Number.NaN, 2),
      gainCell(arms, kernelName(kernel), bases),
    ];
  }),
  note: `Picks on ${surrogate.prompts} prompts. Most alike: the largest cosine of two different examples of the ten, mean over prompts; of the ten nearest it is ${digits(surrogate.nearestAlike, 2)}.`,
});

export const q15Table = ({ q15, prompts, nested }: Surrogate): Table => ({
  id: 'q15',
  title: `Q15 rows against float32 rows, ${prompts} prompts`,
  columns: ['same first 10 picks', 'same 50 picks', 'reduction of σ² kept, mean', 'worst'],
  rows: [
    [
      percent(q15.same10),
      percent(q15.same50),
      `${digits(100 * q15.sigmaRatio, 3)} %`,
      `${digits(100 * q15.worstRatio, 3)} %`,
    ],
  ],
  note: `A pool gathered for 50 picks gives, at ten of them, ${digits(nested, 3)} times the σ² of a pool gathered for ten.`,
});

export const signTable = (arms: Arms): Table => {
  const runs = [
    ['pool by +r', arms.get('plus')],
    ['pool by ±r', arms.get('both')],
  ] as const;
  return {
    id: 'signs',
    title: `The gain of a single step, by the sign of its pick's covariance with the prompt (steps 2 to ${STEPS})`,
    columns: ['pool', 'covariance', 'steps', 'mean drop of σ²', 'mean gain, bits per byte [95 %]'],
    rows: runs.flatMap(([name, rows]) =>
      (['positive', 'negative'] as const).flatMap((sign) => {
        const steps = signSteps(rows?.values() ?? []).filter((step) => step.sign === sign && step.at <= STEPS);
        if (steps.length === 0) return [];
        const gain = bootstrap(steps.map((step) => ({ domain: '', value: step.gain })));
        return [[name, sign, String(steps.length), digits(mean(steps.map(({ drop }) => drop)), 4), interval(gain, 5)]];
      }),
    ),
  };
};
