// The study's tables, each with the number of prompts it rests on: drawn from whatever rows there are.
import { type Arms, armNames, armsOf, type Cell, cell, compare, domainsOf, ofDomain, valuesAt } from './figures.ts';
import type { Ledger } from './ledger.ts';
import { COPIES, COUNTS, LAMBDA, LAMBDAS, POOLS, STEPS } from './plan.ts';
import { bootstrap, type Interval, macroMean, mean, type Observation } from './statistics.ts';
import type { Surrogate } from './surrogate.ts';
import { bpbAt, type Planned, type Row } from './tasks.ts';

export interface Table {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note?: string;
}

export const digits = (value: number, places = 3): string => (Number.isFinite(value) ? value.toFixed(places) : '–');
export const signed = (value: number, places = 4): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : ''}${digits(Math.abs(value), places)}`;
export const interval = ({ mean: middle, low, high }: Interval, places = 4): string =>
  `${signed(middle, places)} [${signed(low, places)}, ${signed(high, places)}]`;
export const percent = (value: number): string => (Number.isFinite(value) ? `${(100 * value).toFixed(0)} %` : '–');

/** HullFT's arms, one for each N, as one name with N taken off. */
const shownAs = (arm: string): string => arm.split(' N=')[0] ?? arm;

/** Cells of every arm at every N that was reached. */
export const mainCells = (arms: Arms): Cell[] =>
  armNames(arms).flatMap((arm) =>
    COUNTS.flatMap((n) => {
      if (arm.includes(' N=') && !arm.endsWith(` N=${n}`)) return [];
      const found = cell(arms, arm, n);
      return found === undefined ? [] : [{ ...found, arm: shownAs(arm) }];
    }),
  );

export const mainTable = (cells: readonly Cell[], n: number): Table => {
  const at = cells.filter((one) => one.n === n);
  const ordered = [...at].sort((a, b) => a.percent - b.percent);
  return {
    id: `main-${n}`,
    title: `Bits per byte after ${n} step${n === 1 ? '' : 's'}, mean over domains`,
    columns: [
      'strategy',
      'prompts',
      'base',
      'tuned',
      '% of base',
      'tuned − base [95 %]',
      '− nn, paired [95 %]',
      'below nn',
    ],
    rows: ordered.map((one) => [
      one.arm,
      String(one.prompts),
      digits(one.base),
      digits(one.bpb),
      digits(one.percent, 1),
      interval(one.toBase.difference),
      one.toNn === undefined ? '' : interval(one.toNn.difference),
      one.toNn === undefined ? '' : percent(one.toNn.wins),
    ]),
  };
};

export const curveTable = (cells: readonly Cell[]): Table => {
  const arms = [...new Set(cells.map(({ arm }) => arm))];
  return {
    id: 'curve',
    title: 'Bits per byte as a percentage of the base, by number of steps',
    columns: ['strategy', ...COUNTS.map(String)],
    rows: arms.map((arm) => [
      arm,
      ...COUNTS.map((n) => {
        const found = cells.find((one) => one.arm === arm && one.n === n);
        return found === undefined ? '' : `${digits(found.percent, 1)} (${found.prompts})`;
      }),
    ]),
    note: 'In brackets the prompts; those tuned to 50 steps are the first of every domain. The base is taken on the same prompts.',
  };
};

export const domainTable = (arms: Arms, n: number): Table => ({
  id: `domains-${n}`,
  title: `By domain, after ${n} steps`,
  columns: [
    'domain',
    'prompts',
    'base',
    'nn',
    'sift',
    'sift − nn [95 %]',
    'sift below nn',
    'nn below base',
    'sift below base',
  ],
  rows: domainsOf(arms.get('base')).flatMap((domain) => {
    const own = ofDomain(arms, domain);
    const [base, nn, sift] = [valuesAt(own.get('base'), 0), valuesAt(own.get('nn'), n), valuesAt(own.get('sift'), n)];
    const [toNn, nnToBase, siftToBase] = [compare(sift, nn), compare(nn, base), compare(sift, base)];
    if (toNn === undefined || nnToBase === undefined || siftToBase === undefined) return [];
    const values = (of: ReadonlyMap<string, Observation>): string =>
      digits(macroMean([...of].flatMap(([id, value]) => (sift.has(id) ? [value] : []))));
    return [
      [
        domain,
        String(toNn.prompts),
        values(base),
        values(nn),
        values(sift),
        interval(toNn.difference),
        percent(toNn.wins),
        percent(nnToBase.wins),
        percent(siftToBase.wins),
      ],
    ];
  }),
});

/** A side question: each arm's mean after n steps, its gain, and its difference to one of them. */
export const sideTable = (
  id: string,
  title: string,
  arms: Arms,
  bases: ReadonlyMap<string, Observation>,
  reference: string,
  n: number,
  note?: string,
): Table => {
  const against = valuesAt(arms.get(reference), n);
  return {
    id,
    title,
    columns: [
      '',
      'prompts',
      'base',
      'tuned',
      'gain over base [95 %]',
      `− ${reference}, paired [95 %]`,
      `below ${reference}`,
    ],
    rows: armNames(arms).flatMap((arm) => {
      const values = valuesAt(arms.get(arm), n);
      const gain = compare(values, bases);
      if (gain === undefined) return [];
      const other = arm === reference ? undefined : compare(values, against);
      const own = [...bases].flatMap(([key, value]) => (values.has(key) ? [value] : []));
      return [
        [
          arm,
          String(gain.prompts),
          digits(macroMean(own)),
          digits(macroMean([...values.values()])),
          interval({ mean: -gain.difference.mean, low: -gain.difference.high, high: -gain.difference.low }),
          other === undefined ? '' : interval(other.difference),
          other === undefined ? '' : percent(other.wins),
        ],
      ];
    }),
    ...(note === undefined ? {} : { note }),
  };
};

export interface CopyLoss {
  readonly strategy: 'sift' | 'nn';
  readonly copies: number;
  readonly prompts: number;
  readonly gain: Interval;
  /** 1 − gain / gain without copies, on the same prompts. */
  readonly lost: number;
}

export const copyLosses = (arms: Arms, bases: ReadonlyMap<string, Observation>, n = STEPS): CopyLoss[] =>
  (['sift', 'nn'] as const).flatMap((strategy) => {
    const gainOf = (copies: number, among?: ReadonlyMap<string, Observation>): Map<string, Observation> => {
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
      const gains = gainOf(copies);
      if (gains.size === 0) return [];
      const single = gainOf(1, gains);
      const interval95 = bootstrap([...gains.values()]);
      return [
        {
          strategy,
          copies,
          prompts: gains.size,
          gain: interval95,
          lost: 1 - interval95.mean / macroMean([...single.values()]),
        },
      ];
    });
  });

export const copyTable = (losses: readonly CopyLoss[], surrogate: Surrogate | undefined): Table => ({
  id: 'copies',
  title: `Every example of the corpus several times: gain after ${STEPS} steps`,
  columns: ['strategy', 'copies', 'prompts', 'gain [95 %]', 'gain lost', 'distinct examples', 'σ²'],
  rows: losses.map(({ strategy, copies, prompts, gain, lost }) => {
    const figures = surrogate?.copies.find((one) => one.copies === copies);
    const distinct = strategy === 'sift' ? figures?.siftDistinct : figures?.nnDistinct;
    return [
      strategy,
      String(copies),
      String(prompts),
      interval(gain),
      copies === 1 ? '' : percent(lost),
      digits(distinct ?? Number.NaN, 1),
      digits((strategy === 'sift' ? figures?.sift : figures?.nn) ?? Number.NaN),
    ];
  }),
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
        gain === undefined
          ? ''
          : `${interval({ mean: -gain.difference.mean, low: -gain.difference.high, high: -gain.difference.low })} (${gain.prompts})`,
      ];
    }),
    note: `σ² on ${surrogate.prompts} prompts, each pool gathered for as many picks as are made; the limit is the greedy over the whole corpus.`,
  };
};

/** Gain by a single step, apart for picks of positive and of negative covariance, on runs that were scored after each. */
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
    ['pool by +r', arms.get('3 × 50, +r (default)')],
    ['pool by ±r', arms.get('3 × 50, ±r')],
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
  const { mean: middle, low, high } = gain.difference;
  return `${interval({ mean: -middle, low: -high, high: -low })} (${gain.prompts})`;
};

export const lambdaTable = (arms: Arms, bases: ReadonlyMap<string, Observation>, surrogate: Surrogate): Table => ({
  id: 'lambda',
  title: `λ: what is picked and what it brings after ${STEPS} steps`,
  columns: [
    'λ',
    'distinct of 10',
    'distinct of 50',
    'negative covariance, of 10',
    `σ² of the ten at λ = ${LAMBDA}`,
    'gain with repeats [95 %] (prompts)',
    'gain without [95 %] (prompts)',
  ],
  rows: LAMBDAS.map((lambda) => {
    const figures = surrogate.lambdas.find((one) => one.lambda === lambda);
    return [
      String(lambda),
      digits(figures?.distinct10 ?? Number.NaN, 1),
      digits(figures?.distinct50 ?? Number.NaN, 1),
      percent(figures?.negative10 ?? Number.NaN),
      digits(figures?.sigma ?? Number.NaN),
      gainCell(arms, `${lambda} repeat`, bases),
      gainCell(arms, String(lambda), bases),
    ];
  }),
  note: 'Distinct picks, signs and σ² are of selections that may repeat.',
});

export const rateTable = (
  rates: Readonly<Record<string, { rate: number; table: readonly (readonly [number, number])[]; prompts: number }>>,
): Table => ({
  id: 'rates',
  title: `Learning rates: mean bits per byte after ${STEPS} steps on prompts of their own`,
  columns: ['strategy', 'prompts', 'rates tried', 'bits per byte', 'chosen'],
  rows: Object.entries(rates).map(([family, { rate, table, prompts }]) => [
    family,
    String(prompts),
    table.map(([value]) => value).join(', '),
    table.map(([, value]) => digits(value, 4)).join(', '),
    String(rate),
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
        interval({ mean: -gain.difference.mean, low: -gain.difference.high, high: -gain.difference.low }),
      ],
    ];
  }),
});

/** All rows of an arm of the main question with their bases. */
export const withBases = (plan: readonly Planned[], ledger: Ledger<Row>, arm: string): { row: Row; base: number }[] => {
  const arms = armsOf(plan, ledger, 'main');
  const bases = arms.get('base');
  return Array.from(arms.get(arm) ?? []).flatMap(([id, row]) => {
    const base = bases?.get(id);
    const value = base === undefined ? undefined : bpbAt(base, 0);
    return value === undefined ? [] : [{ row, base: value }];
  });
};

export const poolNames = POOLS.map(({ name }) => name);
