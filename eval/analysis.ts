// Everything that is drawn from the rows: tables, pictures, the figures as numbers, and which aims were reached.
import { type Arms, armsOf, bestRates, cell, compare, domainsOf, ofDomain, valuesAt } from './figures.ts';
import type { Ledger } from './ledger.ts';
import { GENERATED, machine, type Split } from './machine.ts';
import {
  type Bar,
  barPicture,
  curvePicture,
  domainPicture,
  type Picture,
  scatterPicture,
  stoppingPicture,
} from './pictures.ts';
import { LAMBDAS, type Rates, STEPS } from './plan.ts';
import { type Predictor, predict, predictors } from './predict.ts';
import type { Scored, Setting } from './setting.ts';

import { fixed, type Held, heldOut, type Stopped, stopped } from './stopping.ts';
import type { Surrogate } from './surrogate.ts';
import {
  copyLosses,
  copyTable,
  curveTable,
  digits,
  domainTable,
  interval,
  lambdaTable,
  mainCells,
  mainTable,
  percent,
  poolNames,
  poolTable,
  rateTable,
  reuseTable,
  sideTable,
  signTable,
  type Table,
  withBases,
} from './tables.ts';
import { distinctTasks, keyOf, type Planned, type Row } from './tasks.ts';
import { type Why, why } from './why.ts';

export interface About {
  readonly source: string;
  readonly scored: Scored;
  readonly documents: number;
  readonly examples: number;
  readonly prompts: number;
  readonly tuning: number;
  readonly domains: string;
  readonly modelName: string;
  readonly model: string;
  readonly embedder: string;
  readonly fingerprint: string;
  readonly machine: string;
  readonly date: string;
  readonly done: number;
  readonly planned: number;
  readonly rates: Rates;
}

export interface Analysis {
  readonly about: About;
  readonly targets: Table;
  readonly tables: readonly Table[];
  readonly pictures: readonly Picture[];
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Material {
  readonly setting: Setting;
  readonly source: string;
  readonly modelName: string;
  readonly scored: Scored;
  readonly ratePlan: readonly Planned[];
  readonly plan: readonly Planned[];
  readonly rates: Rates;
  readonly ledger: Ledger<Row>;
  readonly surrogate?: Surrogate | undefined;
  readonly split?: Split | undefined;
}

const gainBars = (
  arms: Arms,
  bases: ReturnType<typeof valuesAt>,
  names: readonly string[],
  suffix: string,
  series: string,
): Bar[] =>
  names.flatMap((x) => {
    const gain = compare(valuesAt(arms.get(`${x}${suffix}`), STEPS), bases)?.difference;
    return gain === undefined ? [] : [{ x, series, y: -gain.mean, low: -gain.high, high: -gain.low }];
  });

const stoppingTable = (rules: readonly Stopped[], runs: number, most: number): Table => {
  const all = rules.find(({ rule, parameter }) => rule === 'fixed' && parameter === most);
  return {
    id: 'stopping',
    title: `Stopping rules on ${runs} runs of ${most} steps`,
    columns: ['rule', 'parameter', 'steps, mean', `steps saved of ${most}`, 'gain', `gain lost of ${most} steps’`],
    rows: rules.map(({ rule, parameter, steps, gain }) => [
      rule,
      String(parameter),
      digits(steps, 1),
      percent(1 - steps / most),
      digits(gain, 4),
      percent(1 - gain / (all?.gain ?? Number.NaN)),
    ]),
  };
};

const predictionTable = (prediction: ReturnType<typeof predict>): Table => ({
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

const predictorTable = (found: readonly Predictor[]): Table => ({
  id: 'predictors',
  title: `What else predicts the gain after ${STEPS} steps: Spearman over prompts`,
  columns: ['predictor', 'gain in bits per byte', 'gain relative to base'],
  rows: found.map(({ name, absolute, relative }) => [name, digits(absolute, 2), digits(relative, 2)]),
});

const splitTable = (split: Split): Table => ({
  id: 'time',
  title: `One prompt, ${STEPS} steps and ${GENERATED} tokens: median milliseconds over ${split.prompts} prompts`,
  columns: ['embed', 'pool', 'select', 'open a session', 'tune', 'generate'],
  rows: [[split.embed, split.pool, split.select, split.open, split.tune, split.generate].map((ms) => digits(ms, 1))],
});

const whyTable = (found: Why): Table => ({
  id: 'why',
  title: `What makes a step help: gain of a step, bits per byte, for one standard deviation more (${found.steps} steps, ${found.prompts} prompts)`,
  columns: [
    'similarity with the prompt [95 %]',
    'similarity with the nearest example already taken [95 %]',
    'correlation of the two',
  ],
  rows: [[interval(found.relevance, 5), interval(found.redundancy, 5), digits(found.correlation, 2)]],
});

const q15Table = ({ q15, prompts, nested }: Surrogate): Table => ({
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

/** What the issue asked to reach, beside what was measured. */
const targetsOf = (
  main: Arms,
  copies: ReturnType<typeof copyLosses>,
  prediction: ReturnType<typeof predict>,
  held: Held | undefined,
  most: number,
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
  const saved = held === undefined ? Number.NaN : 1 - held.judged.steps / most;
  const lost = held === undefined ? Number.NaN : 1 - held.judged.gain / held.full.gain;
  const best = Math.max(...prediction.overPrompts.map(({ absolute }) => absolute), Number.NEGATIVE_INFINITY);
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
        `over prompts ${digits(best, 2)} at best, along a run ${digits(prediction.alongRuns, 2)}, all together ${digits(prediction.pooled, 2)}`,
        yes(best >= 0.5),
      ],
      [
        'adaptive stopping saves ≥ 30 % of the steps at a loss ≤ 1 % of the gain',
        held === undefined
          ? 'no rule loses so little'
          : `${held.chosen.rule} ${held.chosen.parameter}, chosen on half of the runs: on the other half ${percent(saved)} of ${most} steps saved, ${percent(lost)} of the gain lost`,
        yes(saved >= 0.3 && lost <= 0.01),
      ],
    ],
  };
};

export const analyse = (material: Material): Analysis => {
  const { setting, plan, ledger, surrogate, split, ratePlan } = material;
  const of = (question: string): Arms => armsOf(plan, ledger, question);
  const main = of('main');
  const bases = valuesAt(main.get('base'), 0);
  const cells = mainCells(main);
  const rates = bestRates(armsOf(ratePlan, ledger, 'rates'), STEPS);

  const runs = withBases(plan, ledger, 'sift');
  const prediction = predict(runs, [5, 10, 20, 50]);
  const lasting = (most: number) => runs.filter(({ row }) => row.losses.length >= most);
  const most = lasting(50).length >= 20 ? 50 : 20;
  const runsTo = lasting(most);
  const counts = [1, 2, 3, 5, 7, 10, 14, 20, 25, 30, 35, 40, 50].filter((n) => n <= most);
  const rules = runsTo.length === 0 ? [] : [...counts.map((n) => fixed(runsTo, n)), ...stopped(runsTo, most)];

  const prompts = new Map(setting.study.map((one) => [one.id, one]));
  const reason = why(
    setting,
    ['nn', 'sift'].flatMap((arm) =>
      Array.from(main.get(arm) ?? []).flatMap(([id, row]) => {
        const asked = prompts.get(id);
        return asked === undefined ? [] : [{ prompt: asked, row }];
      }),
    ),
  );
  const copies = copyLosses(of('copies'), bases);
  const otherScore = of('other score');
  const siblings = of('siblings');
  const lora = new Map([...of('lora')].map(([arm, rows]) => [`${arm}, lora`, rows] as const));
  const side = new Set([...(of('lora').get('sift')?.keys() ?? [])]);
  const loraArms: Arms = new Map([
    ...(['nn', 'sift'] as const).map(
      (arm) => [`${arm}, full`, new Map([...(main.get(arm) ?? [])].filter(([id]) => side.has(id)))] as const,
    ),
    ...lora,
  ]);
  const domainRows = domainsOf(main.get('base')).flatMap((domain) => {
    const own = ofDomain(main, domain);
    const found = compare(valuesAt(own.get('sift'), STEPS), valuesAt(own.get('nn'), STEPS));
    return found === undefined ? [] : [{ domain: `${domain} (${found.prompts})`, ...found.difference }];
  });

  const tables: Table[] = [
    ...[10, 20, 50].map((n) => mainTable(cells, n)),
    curveTable(cells),
    domainTable(main, STEPS),
    domainTable(main, 20),
    copyTable(copies, surrogate),
    ...(surrogate === undefined
      ? []
      : [poolTable(of('pools'), bases, surrogate), lambdaTable(of('lambda'), bases, surrogate), q15Table(surrogate)]),
    signTable(of('pools')),
    ...(reason === undefined ? [] : [whyTable(reason)]),
    predictionTable(prediction),
    predictorTable(
      predictors(
        setting,
        runs.flatMap((run) => {
          const asked = prompts.get(run.row.prompt);
          return asked === undefined ? [] : [{ prompt: asked, ...run }];
        }),
        STEPS,
      ),
    ),
    stoppingTable(rules, runsTo.length, most),
    reuseTable(of('reuse'), bases),
    sideTable('lora', `Full fine-tuning and LoRA after ${STEPS} steps`, loraArms, bases, 'nn, full', STEPS),
    sideTable(
      'other-score',
      `Bits per byte of ${material.scored === 'prompt' ? 'the continuation' : 'the prompt itself'} after ${STEPS} steps`,
      otherScore,
      valuesAt(otherScore.get('base'), 0),
      'nn',
      STEPS,
    ),
    sideTable(
      'forms',
      `The packages as installed, CommonJS beside ESM: near copies of most files, after ${STEPS} steps`,
      of('forms'),
      bases,
      'nn',
      STEPS,
    ),
    sideTable('siblings', `Without the prompt’s own package, after ${STEPS} steps`, siblings, bases, 'nn', STEPS),
    rateTable(rates),
    ...(split === undefined ? [] : [splitTable(split)]),
  ];
  const pictures: Picture[] = [
    curvePicture(
      cells.map(({ arm, n, percent: value, base, toBase: { difference } }) => ({
        arm,
        n,
        percent: value,
        low: 100 + (100 * difference.low) / base,
        high: 100 + (100 * difference.high) / base,
      })),
    ),
    ...(domainRows.length === 0 ? [] : [domainPicture(domainRows, STEPS)]),
    ...(copies.length === 0
      ? []
      : [
          barPicture(
            'copies',
            'Every example several times in the corpus',
            'copies of every example',
            `gain after ${STEPS} steps, bits per byte`,
            copies.map(({ strategy, copies: times, gain }) => ({
              x: String(times),
              series: strategy,
              y: gain.mean,
              low: gain.low,
              high: gain.high,
            })),
          ),
        ]),
    ...[
      { id: 'lambda', title: 'λ', x: 'λ', names: LAMBDAS.map(String), other: ' repeat' },
      { id: 'pools', title: 'Pools', x: 'queries × candidates', names: poolNames, other: undefined },
    ].flatMap(({ id, title, x, names, other }) => {
      const bars = [
        ...gainBars(of(id), bases, names, '', 'sift'),
        ...(other === undefined ? [] : gainBars(of(id), bases, names, other, `sift${other}`)),
      ];
      return bars.length === 0
        ? []
        : [barPicture(id, `${title}: gain of SIFT after ${STEPS} steps`, x, 'base − tuned, bits per byte', bars)];
    }),
    ...(prediction.points.length === 0
      ? []
      : [scatterPicture(prediction.points.filter(({ n }) => n === 5 || n === STEPS || n === 20))]),
    ...(rules.length === 0 ? [] : [stoppingPicture(rules)]),
  ];
  const tasks = distinctTasks([...ratePlan, ...plan]);
  const counted = Map.groupBy(setting.study, ({ domain }) => domain);
  return {
    about: {
      source: material.source,
      scored: material.scored,
      documents: setting.documents,
      examples: setting.corpus.examples.length,
      prompts: setting.study.length,
      tuning: setting.tuning.length,
      domains: Array.from(counted, ([domain, prompts]) => `${domain} ${prompts.length}`).join(', '),
      modelName: material.modelName,
      model: setting.model,
      embedder: setting.embedder,
      fingerprint: setting.fingerprint,
      machine: machine(),
      date: new Date().toISOString().slice(0, 10),
      done: tasks.filter(({ key }) => ledger.has(key)).length,
      planned: tasks.length,
      rates: material.rates,
    },
    targets: targetsOf(main, copies, prediction, heldOut(runsTo, most, 0.01), most),
    tables,
    pictures,
    data: {
      main: {
        cells,
        prompts: plan
          .filter(({ question }) => question === 'main')
          .flatMap(({ arm, task }) => {
            const row = ledger.get(keyOf(task));
            return row === undefined ? [] : [{ arm, prompt: row.prompt, domain: row.domain, bpb: row.scores }];
          }),
      },
      rates,
      surrogate,
      why: reason,
      prediction: { ...prediction, points: undefined },
      stopping: rules,
      copies,
      split,
    },
  };
};

/** What `--json` prints. */
export const summaryOf = (material: Material, n: number) => {
  const main = armsOf(material.plan, material.ledger, 'main');
  const [nn, sift] = [cell(main, 'nn', n), cell(main, 'sift', n)];
  if (nn === undefined || sift === undefined) throw new Error(`no prompt has been tuned for ${n} steps yet`);
  const at = (arm: string) =>
    Object.fromEntries(
      [1, 2, 5, 10, 20, 50].flatMap((count) => {
        const found = cell(main, arm, count);
        return found === undefined ? [] : [[count, Number(found.bpb.toFixed(5))]];
      }),
    );
  const ends = ({ low, high }: { low: number; high: number }) => [Number(low.toFixed(5)), Number(high.toFixed(5))];
  return {
    bpb: { base: Number(sift.base.toFixed(5)), nn: at('nn'), sift: at('sift') },
    n,
    prompts: sift.prompts,
    ci: {
      sift_minus_nn: sift.toNn === undefined ? null : ends(sift.toNn.difference),
      sift_minus_base: ends(sift.toBase.difference),
      nn_minus_base: ends(nn.toBase.difference),
    },
    sift_below_nn: sift.toNn?.wins ?? null,
    fingerprint: material.setting.fingerprint,
  };
};
