// Everything that is drawn from the rows: tables, pictures, the figures as numbers, and which aims were reached.
import { dot } from '../../functions/vectors/algebra.ts';
import type { Surrogate } from '../choose/surrogate.ts';
import { type Arms, armsOf, bestRates, compare, domainsOf, ofDomain, valuesAt, withBases } from '../figures/figures.ts';
import { predict, predictors } from '../figures/predict.ts';
import { type Candidate, fixed, heldOut, stopped } from '../figures/stopping.ts';
import { targetsOf } from '../figures/targets.ts';
import { why } from '../figures/why.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored, Setting } from '../material/setting.ts';
import type { Ledger } from '../run/ledger.ts';
import { machine, type Split } from '../run/machine.ts';
import { FAR, KERNELS, kernelName, POOLS, type Rates, STEPS } from '../run/plan.ts';
import { distinctTasks, keyOf, type Planned, type Row } from '../run/tasks.ts';
import { gainOf, type Table } from './format.ts';
import {
  type Bar,
  barPicture,
  curvePicture,
  domainPicture,
  type Picture,
  scatterPicture,
  stoppingPicture,
} from './pictures.ts';
import {
  copyLosses,
  copyTable,
  floorTable,
  kernelTable,
  poolTable,
  predictionTable,
  predictorTable,
  q15Table,
  rateTable,
  reuseTable,
  signTable,
  splitTable,
  stoppingTable,
  whyTable,
} from './side-tables.ts';
import { curveTable, domainTable, FEWEST, mainCells, mainTable, sideTable } from './tables.ts';

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

const gainBars = (arms: Arms, bases: ReturnType<typeof valuesAt>, names: readonly string[]): Bar[] =>
  names.flatMap((x) => {
    const gain = compare(valuesAt(arms.get(x), STEPS), bases)?.difference;
    if (gain === undefined) return [];
    const { mean: y, low, high } = gainOf(gain);
    return [{ x, series: 'sift', y, low, high }];
  });

const curveOf = (arms: Arms) =>
  mainCells(onCommonPrompts(arms)).map(({ arm, n, percent: value, base, toBase: { difference } }) => ({
    arm,
    n,
    percent: value,
    low: 100 + (100 * difference.low) / base,
    high: 100 + (100 * difference.high) / base,
  }));

/** Every stopping rule on the runs that lasted so many steps. */
const rulesTo = (runs: readonly Candidate[], most: number) => {
  const among = runs.filter(({ row }) => row.losses.length >= most);
  const counts = [1, 2, 3, 5, 7, 10, 14, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90, 100].filter((n) => n <= most);
  const rules = among.length === 0 ? [] : [...counts.map((n) => fixed(among, n)), ...stopped(among, most)];
  return { most, among, rules };
};

const heldTo = ({ among, most }: ReturnType<typeof rulesTo>) => ({ most, held: heldOut(among, most, 0.01) });

/** The arms on the prompts that all of them have, so that their curves compare; arms that have only begun are left out. */
const onCommonPrompts = (arms: Arms): Arms => {
  const begun = Array.from(arms).filter(
    ([arm, rows]) => rows.size >= FEWEST || arm === 'base' || arms.get('nn')?.size === rows.size,
  );
  const whole = begun.filter(([arm]) => !arm.includes(' N='));
  const common = (id: string): boolean => whole.every(([, rows]) => rows.has(id));
  return new Map(begun.map(([arm, rows]) => [arm, new Map(Array.from(rows).filter(([id]) => common(id)))]));
};

export const analyse = (material: Material): Analysis => {
  const { setting, plan, ledger, surrogate, split, ratePlan } = material;
  const of = (question: string): Arms => armsOf(plan, ledger, question);
  const main = of('main');
  const bases = valuesAt(main.get('base'), 0);
  const cells = mainCells(main);
  const rates = bestRates(armsOf(ratePlan, ledger, 'rates'), STEPS);

  const prompts = new Map(setting.study.map((one) => [one.id, one]));
  const runsOf = (question: string): (Candidate & { readonly prompt: Prompt })[] =>
    withBases(plan, ledger, 'sift', question).flatMap((run) => {
      const prompt = prompts.get(run.row.prompt);
      if (prompt === undefined) return [];
      const vector = setting.vectorOf(prompt);
      return [{ ...run, prompt, similarities: run.row.picks.map((i) => dot(setting.corpus.store.row(i), vector)) }];
    });
  const runs = runsOf('main');
  const prediction = predict(runs, [5, 10, 20, 50]);
  const stops = [rulesTo(runs, 20), rulesTo(runs, 50), rulesTo(runsOf(`far, ${material.scored}`), FAR)];
  const reason = why(setting, runs);
  const copies = copyLosses(of('copies'), bases);
  const otherScore = of('other score');
  const otherRuns = runsOf('other score');
  const otherPrediction = predict(otherRuns, [5, 10, 20, 50]);
  const otherName = material.scored === 'prompt' ? 'continuation' : 'prompt';
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
    domainTable(main, 50),
    copyTable(copies),
    ...(surrogate === undefined
      ? []
      : [poolTable(of('pools'), bases, surrogate), kernelTable(of('kernel'), bases, surrogate), q15Table(surrogate)]),
    signTable(of('signs')),
    ...(reason === undefined ? [] : [whyTable(reason)]),
    predictionTable(prediction),
    predictorTable(predictors(setting, runs, STEPS)),
    ...stops.map(({ rules, among, most }) => stoppingTable(rules, among.length, most)),
    reuseTable(of('reuse'), bases),
    sideTable('lora', `Full fine-tuning and LoRA after ${STEPS} steps`, loraArms, bases, 'nn, full', STEPS),
    ...[10, 20, 50].map((n) => ({
      ...mainTable(mainCells(otherScore), n),
      id: `other-${n}`,
      title: `Bits per byte of the ${otherName} after ${n} steps, mean over domains`,
    })),
    {
      ...domainTable(otherScore, STEPS),
      id: 'other-domains',
      title: `The ${otherName} by domain, after ${STEPS} steps`,
    },
    { ...predictionTable(otherPrediction), id: 'other-prediction' },
    ...(['prompt', 'continuation'] as const).map((text) => {
      const cuts = of(`cuts, ${text}`);
      const own = valuesAt(cuts.get('base'), 0);
      return sideTable(`cuts-${text}`, `Cut of the corpus: the ${text} after 20 steps`, cuts, own, 'nn, disjoint', 20);
    }),
    ...(['prompt', 'continuation'] as const).map((text) => {
      const far = of(`far, ${text}`);
      return floorTable(`far-${text}`, text, far, valuesAt(far.get('base'), 0));
    }),
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
    curvePicture('curve', material.scored, curveOf(main)),
    ...(otherScore.size === 0 ? [] : [curvePicture('other-curve', otherName, curveOf(otherScore))]),
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
      { id: 'kernel', title: 'Degree of the kernel and λ', x: 'degree p and λ', names: KERNELS.map(kernelName) },
      { id: 'pools', title: 'Pools', x: 'queries × candidates', names: POOLS.map(({ name }) => name) },
    ].flatMap(({ id, title, x, names }) => {
      const bars = gainBars(of(id), bases, names);
      return bars.length === 0
        ? []
        : [barPicture(id, `${title}: gain of SIFT after ${STEPS} steps`, x, 'base − tuned, bits per byte', bars)];
    }),
    ...(prediction.points.length === 0
      ? []
      : [scatterPicture(prediction.points.filter(({ n }) => n === 5 || n === STEPS || n === 20))]),
    ...stops.flatMap(({ rules, most }) => (rules.length === 0 ? [] : [stoppingPicture(rules, most)])),
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
    targets: targetsOf(
      { scored: material.scored, main, prediction, stops: stops.filter(({ most }) => most < FAR).map(heldTo) },
      {
        scored: otherName,
        main: otherScore,
        prediction: otherPrediction,
        stops: [rulesTo(otherRuns, 20), rulesTo(otherRuns, 50)].map(heldTo),
      },
      copies,
    ),
    tables,
    pictures,
    data: {
      main: {
        cells,
        prompts: plan
          .filter(({ question }) => question === 'main' || question === 'other score')
          .flatMap(({ arm, task }) => {
            const row = ledger.get(keyOf(task));
            return row === undefined
              ? []
              : [{ arm, scored: task.scored, prompt: row.prompt, domain: row.domain, bpb: row.scores }];
          }),
      },
      rates,
      surrogate,
      why: reason,
      prediction: { ...prediction, points: undefined },
      stopping: stops.map(({ most, among, rules }) => ({ most, runs: among.length, rules })),
      copies,
      split,
    },
  };
};
