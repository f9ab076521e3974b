// The tables of the side questions.

import type { Surrogate } from '../choose/surrogate.ts';
import { type Arms, armNames, compare, valuesAt } from '../figures/figures.ts';
import type { Prediction, Predictor } from '../figures/predict.ts';
import { bootstrap, type Interval, macroMean, mean, type Observation } from '../figures/statistics.ts';
import type { Stopped } from '../figures/stopping.ts';
import type { Why } from '../figures/why.ts';
import { GENERATED, type Split } from '../run/machine.ts';
import { COPIES, FAR, KERNELS, kernelName, STEPS } from '../run/plan.ts';
import type { Row } from '../run/tasks.ts';
import { digits, gainOf, interval, percent, type Table } from './format.ts';

export interface CopyLoss {
  readonly strategy: string;
  readonly copies: number;
  readonly prompts: number;
  /** Different examples among the picks, mean. */
  readonly distinct: number;
  readonly gain: Interval;
  /** 1 − gain / gain without copies, on the same prompts. */
  readonly lost: number;
}

export const copyLosses = (arms: Arms, bases: ReadonlyMap<string, Observation>, n = STEPS): CopyLoss[] =>
  ['sift', 'nn'].flatMap((strategy) => {
    const gainsWith = (copies: number, among?: ReadonlyMap<string, Observation>): Map<string, Observation> => {
      const values = valuesAt(arms.get(`${strategy} ×${copies}`), n);
      return new Map(
        Array.from(values).flatMap(([id, { domain, value }]) => {
          const base = bases.get(id);
          return base === undefined || (among !== undefined && !among.has(id))
            ? []
            : [[id, { domain, value: base.value - value }] as const];
        }),
      );
    };
    return COPIES.flatMap((copies) => {
      const gains = gainsWith(copies);
      if (gains.size === 0) return [];
      const single = gainsWith(1, gains);
      const interval95 = bootstrap([...gains.values()]);
      return [
        {
          strategy,
          copies,
          prompts: gains.size,
          distinct: mean(
            Array.from(
              arms.get(`${strategy} ×${copies}`)?.values() ?? [],
              ({ picks }) => new Set(picks.slice(0, n)).size,
            ),
          ),
          gain: interval95,
          lost: 1 - interval95.mean / macroMean([...single.values()]),
        },
      ];
    });
  });

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

export const poolTable = (arms: Arms, bases: ReadonlyMap<string, Observation>, surrogate: Surrogate): Table => {
  const limit = surrogate.pools.find(({ name }) => name === 'whole corpus');
  const [limit10, limit50] = [macroMean(limit?.at10 ?? []), macroMean(limit?.at50 ?? [])];
  return {
    id: 'pools',
    title: 'Pools: what they cost, how low σ² gets, what the model gains',
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
      const values = valuesAt(arms.get(name), STEPS);
      const gain = compare(values, bases);
      const [ten, fifty] = [macroMean(at10), macroMean(at50)];
      return [
        name,
        digits(queries, 1),
        digits(size, 0),
        digits(ten),
        percent(ten / limit10 - 1),
        digits(fifty),
        percent(fifty / limit50 - 1),
        gain === undefined ? '' : `${interval(gainOf(gain.difference))} (${gain.prompts})`,
      ];
    }),
    note: `σ² on ${surrogate.prompts} prompts, each pool gathered for as many picks as are made; the limit is the greedy over the whole corpus.`,
  };
};

export const signSteps = (
  rows: Iterable<Row>,
): { sign: 'positive' | 'negative'; drop: number; gain: number; at: number }[] =>
  Array.from(rows).flatMap((row) =>
    row.covariances.flatMap((covariance, i) => {
      const [before, after] = [
        i === 0 ? undefined : row.scores.find(([n]) => n === i),
        row.scores.find(([n]) => n === i + 1),
      ];
      if (before === undefined || after === undefined) return [];
      const drop = (row.variances[i - 1] ?? row.initialVariance) - (row.variances[i] ?? 0);
      return [
        {
          sign: covariance < 0 ? ('negative' as const) : ('positive' as const),
          drop,
          gain: before[1] - after[1],
          at: i + 1,
        },
      ];
    }),
  );

export const signTable = (arms: Arms): Table => {
  const runs = [
    ['pool by +r', arms.get('plus')],
    ['pool by ±r', arms.get('both')],
  ] as const;
  return {
    id: 'signs',
    title: `What a single step brings, by the sign of its pick's covariance with the prompt (steps 2 to ${STEPS})`,
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

const gainCell = (arms: Arms, arm: string, bases: ReadonlyMap<string, Observation>): string => {
  const gain = compare(valuesAt(arms.get(arm), STEPS), bases);
  if (gain === undefined) return '';
  return `${interval(gainOf(gain.difference))} (${gain.prompts})`;
};

export const kernelTable = (arms: Arms, bases: ReadonlyMap<string, Observation>, surrogate: Surrogate): Table => ({
  id: 'kernel',
  title: `The kernel: what is picked and what it brings after ${STEPS} steps`,
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

export const rateTable = (
  rates: Readonly<Record<string, { rate: number; table: readonly (readonly [number, number])[]; prompts: number }>>,
): Table => ({
  id: 'rates',
  title: `Learning rates and kernels: mean bits per byte of the continuation after ${STEPS} steps, on prompts of their own`,
  columns: ['strategy', 'prompts', 'rates tried', 'bits per byte', 'chosen'],
  rows: Object.entries(rates).map(([family, { rate, table, prompts }]) => [
    family,
    String(prompts),
    table.map(([value]) => value).join(', '),
    table.map(([, value]) => digits(value, 4)).join(', '),
    table.length > 1 ? String(rate) : '',
  ]),
});

export const reuseTable = (arms: Arms, bases: ReadonlyMap<string, Observation>): Table => ({
  id: 'reuse',
  title: `Gradient reuse on repeated examples, ${STEPS} steps`,
  columns: ['', 'prompts', 'distinct examples', 'ms of all steps', 'tuned', 'gain [95 %]'],
  rows: armNames(arms).flatMap((arm) => {
    const rows = [...(arms.get(arm)?.values() ?? [])];
    const values = valuesAt(arms.get(arm), STEPS);
    const gain = compare(values, bases);
    if (gain === undefined) return [];
    return [
      [
        arm,
        String(rows.length),
        digits(mean(rows.map(({ picks }) => new Set(picks).size)), 1),
        digits(mean(rows.map(({ ms }) => ms.reduce((sum, value) => sum + value, 0))), 0),
        digits(macroMean([...values.values()])),
        interval(gainOf(gain.difference)),
      ],
    ];
  }),
});

/** Steps that a fixed N would need for the same gain, between the fixed N that were looked at; NaN beyond them. */
export const stepsFor = (gain: number, fixedRules: readonly Stopped[]): number => {
  const after = fixedRules.findIndex((one) => one.gain >= gain);
  const [a, b] = [fixedRules[after - 1] ?? { steps: 0, gain: 0 }, fixedRules[after]];
  if (b === undefined) return Number.NaN;
  return a.steps + ((gain - a.gain) / (b.gain - a.gain)) * (b.steps - a.steps);
};

export const stoppingTable = (rules: readonly Stopped[], runs: number, most: number): Table => {
  const fixedRules = rules.filter(({ rule }) => rule === 'fixed');
  const all = fixedRules.find(({ parameter }) => parameter === most);
  return {
    id: `stopping-${most}`,
    title: `Stopping rules on ${runs} runs of ${most} steps`,
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

/** Runs that go on far, and those that a least similarity ends: steps taken, gain, and what it is of the best fixed N's. */
export const floorTable = (id: string, text: string, arms: Arms, bases: ReadonlyMap<string, Observation>): Table => {
  const far = arms.get('sift');
  const fixedGain = (n: number): number =>
    macroMean(
      [...valuesAt(far, n)].flatMap(([key, { domain, value }]) => {
        const base = bases.get(key);
        return base === undefined ? [] : [{ domain, value: base.value - value }];
      }),
    );
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
    title: `A least similarity of picks against a fixed N, up to ${FAR}: the ${text}`,
    columns: ['', 'prompts', 'steps, mean', 'gain', `steps saved of ${FAR}`, `gain lost of ${FAR} steps’`],
    rows: [...fixedRows, ...floors],
  };
};

export const predictionTable = (prediction: Prediction): Table => ({
  id: 'prediction',
  title: 'Spearman’s correlation of the drop of σ² and the realised gain',
  columns: ['over', 'prompts', 'gain in bits per byte', 'gain relative to base'],
  rows: [
    ...prediction.overPrompts.map(({ n, prompts, absolute, relative }) => [
      `prompts, after ${n} steps`,
      String(prompts),
      digits(absolute, 2),
      digits(relative, 2),
    ]),
    ['steps of a run, cumulative (mean over runs)', String(prediction.prompts), digits(prediction.alongRuns, 2), ''],
    ['single steps of a run (mean over runs)', String(prediction.prompts), digits(prediction.bySteps, 2), ''],
    ['all prompts and steps together', String(prediction.prompts), digits(prediction.pooled, 2), ''],
  ],
});

export const predictorTable = (found: readonly Predictor[]): Table => ({
  id: 'predictors',
  title: `What else predicts the gain after ${STEPS} steps: Spearman over prompts`,
  columns: ['predictor', 'gain in bits per byte', 'gain relative to base'],
  rows: found.map(({ name, absolute, relative }) => [name, digits(absolute, 2), digits(relative, 2)]),
});

export const splitTable = (split: Split): Table => ({
  id: 'time',
  title: `One prompt, ${STEPS} steps and ${GENERATED} tokens: median milliseconds over ${split.prompts} prompts`,
  columns: ['embed', 'pool', 'select', 'open a session', 'tune', 'generate'],
  rows: [[split.embed, split.pool, split.select, split.open, split.tune, split.generate].map((ms) => digits(ms, 2))],
});

export const whyTable = (found: Why): Table => ({
  id: 'why',
  title: `What makes a step help: gain of a step, bits per byte, for one standard deviation more (${found.steps} steps, ${found.prompts} prompts)`,
  columns: [
    'similarity with the prompt [95 %]',
    'similarity with the nearest example already taken [95 %]',
    'correlation of the two',
  ],
  rows: [[interval(found.relevance, 5), interval(found.redundancy, 5), digits(found.correlation, 2)]],
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
