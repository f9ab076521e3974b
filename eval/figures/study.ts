// All figures of the study as numbers, computed once from the rows of its runs. The report draws them as tables and pictures.
import { dot } from '../../functions/vectors/algebra.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored, Setting } from '../material/setting.ts';
import type { Rates } from '../run/arms.ts';
import { FAR, STEPS } from '../run/grid.ts';
import type { Ledger } from '../run/ledger.ts';
import type { Split } from '../run/machine.ts';
import type { Surrogate } from '../run/selections.ts';
import { bpbAt, type Planned, type Row } from '../run/tasks.ts';
import type { Observation } from '../statistics.ts';
import { type Arms, armsOf, type Cell, valuesAt } from './arms.ts';
import { mainCells } from './cells.ts';
import { type CopyLoss, copyLosses } from './copies.ts';
import { type Prediction, predict } from './predict.ts';
import { type Predictor, predictors } from './predictors.ts';
import { bestRates, type RateChoice } from './rates.ts';
import { type Rules, rulesTo, type StoppableRun } from './stopping.ts';
import { type Why, why } from './why.ts';

/** What was run, finished or not. */
export interface StudyRuns {
  readonly setting: Setting;
  /** Where the documents come from, in words. */
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

/** Figures of the runs that are scored on one of the two texts. */
export interface TextFigures {
  readonly scored: Scored;
  readonly arms: Arms;
  readonly cells: readonly Cell[];
  readonly prediction: Prediction;
  /** Stopping rules on runs of 20 and of 50 steps. */
  readonly stops: readonly Rules[];
}

export interface StudyFigures {
  /** Of the text that the study scores, and of the other one. */
  readonly main: TextFigures;
  readonly other: TextFigures;
  /** Base bits per byte of the main text. */
  readonly bases: ReadonlyMap<string, Observation>;
  /** Stopping rules on the long runs. */
  readonly farStops: Rules;
  readonly rates: Readonly<Record<string, RateChoice>>;
  readonly copies: readonly CopyLoss[];
  readonly predictors: readonly Predictor[];
  readonly why: Why | undefined;
  /** The arms of a side question. */
  armsOf(question: string): Arms;
}

/** A SIFT run with its prompt and its base. */
interface SiftRun extends StoppableRun {
  readonly prompt: Prompt;
}

/** Numbers of steps at which the correlation over prompts is given. */
const PREDICTED_AT = [5, 10, 20, 50];

const siftRuns = (setting: Setting, arms: Arms): SiftRun[] => {
  const prompts = new Map(setting.study.map((prompt) => [prompt.id, prompt]));
  const bases = arms.get('base');
  return Array.from(arms.get('sift') ?? []).flatMap(([id, row]) => {
    const baseRow = bases?.get(id);
    const base = baseRow === undefined ? undefined : bpbAt(baseRow, 0);
    const prompt = prompts.get(row.prompt);
    if (base === undefined || prompt === undefined) return [];
    const vector = setting.vectorOf(prompt);
    return [{ row, base, prompt, similarities: row.picks.map((i) => dot(setting.corpus.store.row(i), vector)) }];
  });
};

const textFigures = (scored: Scored, arms: Arms, runs: readonly SiftRun[]): TextFigures => ({
  scored,
  arms,
  cells: mainCells(arms),
  prediction: predict(runs, PREDICTED_AT),
  stops: [rulesTo(runs, 20), rulesTo(runs, 50)],
});

export const studyFigures = ({ setting, scored, ratePlan, plan, ledger }: StudyRuns): StudyFigures => {
  const of = (question: string): Arms => armsOf(plan, ledger, question);
  const arms = of('main');
  const bases = valuesAt(arms.get('base'), 0);
  const runs = siftRuns(setting, arms);
  const others = of('other score');
  return {
    main: textFigures(scored, arms, runs),
    other: textFigures(scored === 'prompt' ? 'continuation' : 'prompt', others, siftRuns(setting, others)),
    bases,
    farStops: rulesTo(siftRuns(setting, of(`far, ${scored}`)), FAR),
    rates: bestRates(armsOf(ratePlan, ledger, 'rates'), STEPS),
    copies: copyLosses(of('copies'), bases),
    predictors: predictors(setting, runs, STEPS),
    why: why(setting, runs),
    armsOf: of,
  };
};
