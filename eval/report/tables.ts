// All tables of the study, in their order.
import { type Arms, valuesAt } from '../figures/arms.ts';
import type { StudyFigures, StudyRuns, TextFigures } from '../figures/study.ts';
import { STEPS } from '../run/grid.ts';
import { TEXTS } from '../run/plan-far.ts';
import type { Table } from './format.ts';
import { curveTable, domainTable, mainTable, sideTable } from './main-tables.ts';
import { predictionTable, predictorTable, whyTable } from './prediction-tables.ts';
import { copyTable, kernelTable, poolTable, q15Table, signTable } from './selection-tables.ts';
import { floorTable, stoppingTable } from './stopping-tables.ts';
import { rateTable, reuseTable, splitTable } from './tuning-tables.ts';

/** Numbers of steps that have a main table. */
const SHOWN = [10, 20, 50];

const mainTables = ({ arms, cells }: TextFigures): Table[] => [
  ...SHOWN.map((n) => mainTable(cells, n)),
  curveTable(cells),
  domainTable(arms, STEPS),
  domainTable(arms, 50),
];

const selectionTables = ({ bases, copies, armsOf }: StudyFigures, { surrogate }: StudyRuns): Table[] => [
  copyTable(copies),
  ...(surrogate === undefined
    ? []
    : [
        poolTable(armsOf('pools'), bases, surrogate),
        kernelTable(armsOf('kernel'), bases, surrogate),
        q15Table(surrogate),
      ]),
  signTable(armsOf('signs')),
];

const predictionTables = ({ main, predictors, why }: StudyFigures): Table[] => [
  ...(why === undefined ? [] : [whyTable(why)]),
  predictionTable(main.prediction),
  predictorTable(predictors),
];

/** Full fine-tuning beside LoRA, on the prompts that LoRA was run on. */
const loraArms = ({ main, armsOf }: StudyFigures): Arms => {
  const lora = armsOf('lora');
  const ids = new Set(lora.get('sift')?.keys() ?? []);
  const onSamePrompts = (arm: string) => new Map([...(main.arms.get(arm) ?? [])].filter(([id]) => ids.has(id)));
  return new Map([
    ...['nn', 'sift'].map((arm) => [`${arm}, full`, onSamePrompts(arm)] as const),
    ...Array.from(lora, ([arm, rows]) => [`${arm}, lora`, rows] as const),
  ]);
};

const otherTextTables = ({ other }: StudyFigures): Table[] => [
  ...SHOWN.map((n) => ({
    ...mainTable(other.cells, n),
    id: `other-${n}`,
    title: `Bits per byte of the ${other.scored} after ${n} steps, mean over domains`,
  })),
  {
    ...domainTable(other.arms, STEPS),
    id: 'other-domains',
    title: `The ${other.scored} by domain, after ${STEPS} steps`,
  },
  { ...predictionTable(other.prediction), id: 'other-prediction' },
];

/** Questions that are asked of both texts and have a base of their own. */
const bothTextsTables = ({ armsOf }: StudyFigures): Table[] => [
  ...TEXTS.map((text) => {
    const cuts = armsOf(`cuts, ${text}`);
    const own = valuesAt(cuts.get('base'), 0);
    return sideTable(`cuts-${text}`, `Cut of the corpus: the ${text} after 20 steps`, cuts, own, 'nn, disjoint', 20);
  }),
  ...TEXTS.map((text) => {
    const far = armsOf(`far, ${text}`);
    return floorTable(`far-${text}`, text, far, valuesAt(far.get('base'), 0));
  }),
];

const corpusTables = ({ bases, armsOf }: StudyFigures): Table[] => [
  sideTable(
    'forms',
    `The packages as installed, CommonJS beside ESM: near copies of most files, after ${STEPS} steps`,
    armsOf('forms'),
    bases,
    'nn',
    STEPS,
  ),
  sideTable(
    'siblings',
    `Without the prompt’s own package, after ${STEPS} steps`,
    armsOf('siblings'),
    bases,
    'nn',
    STEPS,
  ),
];

export const tablesOf = (runs: StudyRuns, figures: StudyFigures): Table[] => [
  ...mainTables(figures.main),
  ...selectionTables(figures, runs),
  ...predictionTables(figures),
  ...[...figures.main.stops, figures.farStops].map(stoppingTable),
  reuseTable(figures.armsOf('reuse'), figures.bases),
  sideTable(
    'lora',
    `Full fine-tuning and LoRA after ${STEPS} steps`,
    loraArms(figures),
    figures.bases,
    'nn, full',
    STEPS,
  ),
  ...otherTextTables(figures),
  ...bothTextsTables(figures),
  ...corpusTables(figures),
  rateTable(figures.rates),
  ...(runs.split === undefined ? [] : [splitTable(runs.split)]),
];
