// What the prequential gain says about a run, and what the product's guard would have done: from runs of the same picks at
// the default rate and at rates that are too high. In hindsight: a guard that begins again at a lower rate is given the run
// of that rate, and below the default rate there is only the base.
import { GUARD_END_NATS, GUARD_MOST_GAIN_NATS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import type { Scored } from '../material/setting.ts';
import type { ModeRow } from '../run/modes.ts';
import { mean, spearman } from '../statistics.ts';

/** What a guard may look at; below zero it speaks for the steps. */
export const SIGNALS = ['prequential', 'capped', 'prompt', 'both'] as const;
export type Signal = (typeof SIGNALS)[number];

export interface GuardedRun {
  readonly prompt: string;
  readonly domain: string;
  /** Of the model's default rate. */
  readonly factor: number;
  /**
   * Nats per token that the picks after the first lost, the mean; the same where no pick counts as gained more than the
   * product's cap; nats per byte that the prompt itself lost; and the capped mean with the prompt's.
   */
  readonly signals: Readonly<Record<Signal, number>>;
  /** Bits per byte of the continuation, relative to the base's: 0.1 is ten per cent worse. */
  readonly change: number;
}

/** Picks are new to the model before their own step; the first is so under the base weights, and says nothing. */
export const differencesOf = (losses: readonly number[], baseLosses: readonly number[]): number[] =>
  losses.slice(1).map((loss, i) => loss - at(baseLosses, i + 1));

const bitsAt = ({ readings }: ModeRow, steps: number, text: Scored): number | undefined =>
  readings.find((one) => one.steps === steps && one.context === 0 && one.text === text)?.bitsPerByte;

/** Runs of `steps` steps by the given method; base readings and losses come from any run with the same picks. */
export const guardedRuns = (
  rows: readonly ModeRow[],
  { method, rate, steps }: { method: 'full' | 'lora'; rate: number; steps: number },
): GuardedRun[] => {
  const own = rows.filter((row) => row.strategy === 'sift' && row.copies === 1 && row.picks.length <= steps);
  const bases = new Map<string, { bits: number; prompt: number; losses: readonly number[] }>();
  for (const row of own) {
    const [bits, prompt] = [bitsAt(row, 0, 'continuation'), bitsAt(row, 0, 'prompt')];
    if (bits !== undefined && prompt !== undefined && row.baseLosses.length > 0)
      bases.set(row.prompt, { bits, prompt, losses: row.baseLosses });
  }
  return own.flatMap((row) => {
    const base = bases.get(row.prompt);
    const [bits, prompt] = [bitsAt(row, steps, 'continuation'), bitsAt(row, steps, 'prompt')];
    if (base === undefined || bits === undefined || prompt === undefined || row.tuning.method !== method) return [];
    const differences = differencesOf(row.losses, base.losses);
    const capped = mean(differences.map((nats) => Math.max(nats, -GUARD_MOST_GAIN_NATS)));
    const ownLoss = (prompt - base.prompt) * Math.LN2;
    return [
      {
        prompt: row.prompt,
        domain: row.domain,
        factor: Number((row.tuning.learningRate / rate).toPrecision(3)),
        signals: { prequential: mean(differences), capped, prompt: ownLoss, both: capped + ownLoss },
        change: bits / base.bits - 1,
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
  signal: Signal,
  threshold: number,
): { change: number; kept: number } => {
  const tried = runs.filter((run) => run.factor <= factor).toSorted((a, b) => b.factor - a.factor);
  const kept = tried.find(({ signals }) => signals[signal] < threshold);
  return kept === undefined ? { change: 0, kept: 0 } : { change: kept.change, kept: kept.factor };
};

export const guardFigures = (runs: readonly GuardedRun[], signal: Signal, threshold: number): GuardFigures[] => {
  const byPrompt = Map.groupBy(runs, ({ prompt }) => prompt);
  const factors = [...new Set(runs.map(({ factor }) => factor))].toSorted((a, b) => a - b);
  return factors.map((factor) => {
    const asked = runs.filter((run) => run.factor === factor);
    const guarded = asked.map(({ prompt }) => guardedFrom(factor, byPrompt.get(prompt) ?? [], signal, threshold));
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

export interface GuardStudy {
  /** Spearman's, over all runs, of each signal and the change of the continuation. */
  readonly correlations: Readonly<Record<Signal, number>>;
  /** What the product's guard would have done, by the rate that was asked for. */
  readonly figures: readonly GuardFigures[];
}

/** Nothing is fitted here: the product's cap and threshold were chosen on other prompts. */
export const guardStudy = (runs: readonly GuardedRun[]): GuardStudy | undefined => {
  if (runs.length === 0) return undefined;
  const changes = runs.map(({ change }) => change);
  const correlation = (signal: Signal): number =>
    spearman(
      runs.map(({ signals }) => signals[signal]),
      changes,
    );
  return {
    correlations: {
      prequential: correlation('prequential'),
      capped: correlation('capped'),
      prompt: correlation('prompt'),
      both: correlation('both'),
    },
    figures: guardFigures(runs, 'capped', GUARD_END_NATS),
  };
};
