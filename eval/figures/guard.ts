// What the prequential gain says about a run, and what a guard on it would have done: from runs of the same picks at the
// default rate and at rates that are too high. The threshold is chosen on every second prompt and judged on the others.
import { at } from '../../wire/list.ts';
import type { ModeRow } from '../run/modes.ts';
import { mean, spearman } from '../statistics.ts';

export interface GuardedRun {
  readonly prompt: string;
  readonly domain: string;
  /** Of the model's default rate. */
  readonly factor: number;
  /** Loss before its own step less loss under the base weights, of the picks after the first; nats per token. */
  readonly differences: readonly number[];
  /** Bits per byte of the continuation, relative to the base's: 0.1 is ten per cent worse. */
  readonly change: number;
}

/** Picks are new to the model before their own step; the first is so under the base weights, and says nothing. */
export const differencesOf = (losses: readonly number[], baseLosses: readonly number[]): number[] =>
  losses.slice(1).map((loss, i) => loss - at(baseLosses, i + 1));

export const prequential = (differences: readonly number[], steps = differences.length + 1): number =>
  mean(differences.slice(0, steps - 1));

/** Runs of `steps` steps by the given method; the base reading and the base losses come from any run with the same picks. */
export const guardedRuns = (
  rows: readonly ModeRow[],
  { method, rate, steps }: { method: 'full' | 'lora'; rate: number; steps: number },
): GuardedRun[] => {
  const own = rows.filter((row) => row.strategy === 'sift' && row.copies === 1 && row.picks.length <= steps);
  const bases = new Map<string, { bits: number; losses: readonly number[] }>();
  for (const { prompt, readings, baseLosses } of own) {
    const read = readings.find((one) => one.steps === 0 && one.context === 0 && one.text === 'continuation');
    if (read !== undefined && baseLosses.length > 0) bases.set(prompt, { bits: read.bitsPerByte, losses: baseLosses });
  }
  return own.flatMap(({ prompt, domain, tuning, readings, losses }) => {
    const base = bases.get(prompt);
    const end = readings.find((one) => one.steps === steps && one.context === 0 && one.text === 'continuation');
    if (base === undefined || end === undefined || tuning.method !== method) return [];
    return [
      {
        prompt,
        domain,
        factor: Number((tuning.learningRate / rate).toPrecision(3)),
        differences: differencesOf(losses, base.losses),
        change: end.bitsPerByte / base.bits - 1,
      },
    ];
  });
};

/** A prompt counts as harmed when it is worse than the base by more than this. */
export const HARM = 0.01;

export interface GuardFigures {
  /** The rate that the request asked for, over the default. */
  readonly factor: number;
  readonly prompts: number;
  /** Share of prompts on which the guard left the asked rate, and on which it ended at the base. */
  readonly fired: number;
  readonly toBase: number;
  /** Share of prompts worse than the base by over 1 %, without the guard and with it. */
  readonly harmed: number;
  readonly harmedWith: number;
  /** Mean relative change of bits per byte, without the guard and with it. */
  readonly change: number;
  readonly changeWith: number;
  /** Of the runs that saved over 1 %, the share that the guard ended. */
  readonly falseAlarms: number;
}

/** Goes down the rates, as the guard does: each run is kept where its gain is below the threshold. */
const guardedFrom = (
  factor: number,
  runs: readonly GuardedRun[],
  threshold: number,
): { change: number; kept: number } => {
  const tried = runs.filter((run) => run.factor <= factor).toSorted((a, b) => b.factor - a.factor);
  const kept = tried.find(({ differences }) => prequential(differences) < threshold);
  return kept === undefined ? { change: 0, kept: 0 } : { change: kept.change, kept: kept.factor };
};

export const guardFigures = (runs: readonly GuardedRun[], threshold: number): GuardFigures[] => {
  const byPrompt = Map.groupBy(runs, ({ prompt }) => prompt);
  const factors = [...new Set(runs.map(({ factor }) => factor))].toSorted((a, b) => a - b);
  return factors.map((factor) => {
    const asked = runs.filter((run) => run.factor === factor);
    const guarded = asked.map(({ prompt }) => guardedFrom(factor, byPrompt.get(prompt) ?? [], threshold));
    const share = (flags: readonly boolean[]): number => mean(flags.map((flag) => (flag ? 1 : 0)));
    const saved = asked
      .map(({ change }, i) => ({ change, kept: at(guarded, i).kept }))
      .filter((one) => one.change < -HARM);
    return {
      factor,
      prompts: asked.length,
      fired: share(guarded.map(({ kept }) => kept !== factor)),
      toBase: share(guarded.map(({ kept }) => kept === 0)),
      harmed: share(asked.map(({ change }) => change > HARM)),
      harmedWith: share(guarded.map(({ change }) => change > HARM)),
      change: mean(asked.map(({ change }) => change)),
      changeWith: mean(guarded.map(({ change }) => change)),
      falseAlarms: saved.length === 0 ? 0 : share(saved.map(({ kept }) => kept !== factor)),
    };
  });
};

/** Nats per token. */
export const THRESHOLDS = [-0.2, -0.15, -0.12, -0.1, -0.08, -0.06, -0.04, -0.03, -0.02, -0.01, 0, 0.02, 0.05];

export interface JudgedGuard {
  readonly threshold: number;
  readonly judged: readonly GuardFigures[];
  readonly correlation: number;
}

/** The threshold with the best mean over all rates on every second prompt; what it does on the others. */
export const judgeGuard = (runs: readonly GuardedRun[]): JudgedGuard | undefined => {
  const prompts = [...new Set(runs.map(({ prompt }) => prompt))];
  const half = (rest: number): GuardedRun[] => runs.filter(({ prompt }) => prompts.indexOf(prompt) % 2 === rest);
  const [chosenOn, judgedOn] = [half(0), half(1)];
  if (chosenOn.length === 0 || judgedOn.length === 0) return undefined;
  const score = (threshold: number): number => mean(guardFigures(chosenOn, threshold).map((one) => one.changeWith));
  const threshold = THRESHOLDS.toSorted((a, b) => score(a) - score(b))[0] ?? 0;
  return {
    threshold,
    judged: guardFigures(judgedOn, threshold),
    correlation: spearman(
      runs.map(({ differences }) => prequential(differences)),
      runs.map(({ change }) => change),
    ),
  };
};
