// The gradient steps of one request, and what the guard makes of them: base losses first, then a step a pick; whenever the
// policy (prequential.ts) says so, back to the base weights and again. What is undone is told, never hidden.
// Steps are made again only if they and the answer fit into the request's time.
// Trade-off: going back to the first k steps makes them again, which costs k steps and no memory for copies of weights.
import { FaultError } from '../wire/faults.ts';
import { GUARD_MIN_PICKS } from '../wire/limits.ts';
import { at } from '../wire/list.ts';
import { type RankedPick, tunedOn } from '../wire/tune/requests.ts';
import type { TuneEvent } from '../wire/tune/responses.ts';
import type { GuardReport, StepReport } from '../wire/tune/steps.ts';
import type { Session, Step } from './backends/contract.ts';
import { lossesCost, stepsCost } from './cost.ts';
import { afterStep, atEnd, type Difference, prequentialGain, type Verdict } from './prequential.ts';
import { createTimeLeft, type Time, type TimeLeft } from './time-left.ts';
import { judgedTexts, type ResolvedTuning } from './tuning.ts';
import type { SettledScore, SettledTune } from './use.ts';

export type StepEvent = Extract<TuneEvent, { event: 'step' | 'restart' }>;

export interface Made {
  /** The steps that the session's weights come from. */
  readonly kept: readonly StepReport[];
  /** Of all steps, those undone included. */
  readonly steps: number;
  readonly tokens: number;
  /** Null without steps, or where the guard is off. */
  readonly guard: GuardReport | null;
}

/** One request's steps. */
interface Work {
  readonly session: Session;
  readonly request: SettledTune | SettledScore;
  readonly picks: readonly RankedPick[];
  readonly contextTokens: number;
  readonly time: Time;
  readonly signal: AbortSignal;
}

/** Losses under the base weights, by text. */
type Bases = ReadonlyMap<string, number>;

/** Undefined when they would leave too little time for the steps and the answer. */
const baseLosses = async (work: Work, texts: readonly string[]): Promise<Bases | undefined> => {
  const { session, request, contextTokens, time, signal } = work;
  const losses = new Map<string, number>();
  const left = createTimeLeft(time);
  const after = stepsCost(request, contextTokens) + time.rest;
  let before = time.now();
  for await (const loss of session.losses(texts, signal)) {
    const text = at(texts, losses.size);
    losses.set(text, loss);
    const now = time.now();
    left.measured(now - before, lossesCost([text], contextTokens));
    before = now;
    // never after the first, which may have taken long by itself
    if (losses.size > 1 && !left.fits(lossesCost(texts.slice(losses.size), contextTokens) + after)) return undefined;
  }
  return losses;
};

interface Watched {
  readonly bases: Bases;
  readonly learningRate: number;
  readonly restarts: number;
  readonly lateRestarts: number;
}

interface Attempted {
  readonly kept: readonly StepReport[];
  readonly steps: number;
  readonly tokens: number;
  readonly verdict: Verdict;
  readonly prequential: number | undefined;
}

/** How much a step's pick differs from the base, if it was new to the model. */
const differenceOf = (step: Step, text: string, seen: ReadonlySet<string>, bases: Bases): number | undefined => {
  if (!Number.isFinite(step.loss)) return Number.POSITIVE_INFINITY;
  if (seen.has(text) || step.tokens === 0) return undefined;
  return step.loss - (bases.get(text) ?? step.loss); // of the first pick, its own step tells the base's loss
};

/** The first `of` steps, until the policy says otherwise where they are watched. */
async function* attemptSteps(
  { session, request, picks, contextTokens, time, signal }: Work,
  of: number,
  left: TimeLeft,
  watched: Watched | undefined,
): AsyncGenerator<StepEvent, Attempted, void> {
  const kept: StepReport[] = [];
  const differences: Difference[] = [];
  const seen = new Set<string>();
  const fits = (count: number): boolean => left.fits(stepsCost(request, contextTokens, count) + time.rest);
  let verdict: Verdict = { kind: 'continue' };
  let [steps, tokens] = [0, 0];
  if (of === 0) return { kept, steps, tokens, verdict, prequential: undefined };
  const texts = picks.slice(0, of).map(({ text }) => text);
  for await (const step of session.train(texts, signal)) {
    const { id, text } = at(picks, steps);
    const { loss, truncated, ms, reused } = step;
    const finite = Number.isFinite(loss);
    // a step that diverged would only generate noise: without a way back say so rather than stream it
    if (!finite && (watched === undefined || steps === 0)) {
      const message = `the loss of step ${steps + 1} (example '${id}') is ${loss}; a smaller learning_rate may help`;
      throw new FaultError({ kind: 'backend', message });
    }
    const report = { index: steps, of, id, loss, tokens: step.tokens, truncated, ms, reused };
    steps += 1;
    tokens += step.tokens;
    left.measured(ms, stepsCost(request, contextTokens, steps) - stepsCost(request, contextTokens, steps - 1));
    if (finite) {
      kept.push(report);
      yield { event: 'step', step: report };
    }
    if (watched === undefined) continue;
    const nats = differenceOf(step, text, seen, watched.bases);
    seen.add(text);
    if (nats !== undefined) differences.push({ step: steps, nats });
    const attempt = { ...watched, steps: of, differences, fits };
    verdict = finite && steps === of ? atEnd(attempt) : afterStep(attempt);
    // after the last one the backend ends by itself
    if (verdict.kind !== 'continue' && steps < of) break;
  }
  return { kept, steps, tokens, verdict, prequential: prequentialGain(differences) };
}

/** Why nothing is judged, where nothing is. */
const notJudged = (picks: readonly RankedPick[], judged: readonly string[] | undefined): string => {
  if (judged !== undefined) return 'not judged: the losses under the base weights would have taken too long';
  const fresh = new Set(picks.map(({ text }) => text)).size;
  return `not judged: ${fresh} of the picks ${fresh === 1 ? 'is' : 'are'} new to the model, ${GUARD_MIN_PICKS} are needed`;
};

export async function* makeSteps(
  session: Session,
  request: SettledTune | SettledScore,
  tuning: ResolvedTuning,
  contextTokens: number,
  time: Time,
  signal: AbortSignal,
): AsyncGenerator<StepEvent, Made, void> {
  const picks = tunedOn(request);
  const work: Work = { session, request, picks, contextTokens, time, signal };
  const judged = judgedTexts(request);
  const bases = judged === undefined ? undefined : await baseLosses(work, judged);
  const left = createTimeLeft(time);

  let { learningRate } = tuning;
  let outcome: GuardReport['outcome'] = 'kept';
  let reason = bases === undefined ? notJudged(picks, judged) : null;
  let prequential: number | undefined;
  let [restarts, lateRestarts] = [0, 0];
  let [steps, tokens, undone] = [0, 0, 0];

  for (let of = picks.length; ; ) {
    // what is made again of a cut, or not at all, was judged already
    const watching = bases !== undefined && (outcome === 'kept' || outcome === 'lowered');
    const watched = watching ? { bases, learningRate, restarts, lateRestarts } : undefined;
    const attempted = yield* attemptSteps(work, of, left, watched);
    const { kept, verdict } = attempted;
    steps += attempted.steps;
    tokens += attempted.tokens;
    if (watching) ({ prequential } = attempted);
    if (verdict.kind === 'continue') {
      const guard: GuardReport = {
        prequential: prequential !== undefined && Number.isFinite(prequential) ? prequential : null,
        kept_steps: kept.length,
        undone_steps: undone,
        rate: learningRate,
        restarts,
        outcome,
        reason: verdict.reason ?? reason,
      };
      return { kept, steps, tokens, guard: request.tuning.guard && picks.length > 0 ? guard : null };
    }

    undone += attempted.steps;
    ({ reason } = verdict);
    switch (verdict.kind) {
      case 'lower':
        ({ learningRate } = verdict);
        outcome = 'lowered';
        lateRestarts += verdict.late ? 1 : 0;
        break;
      case 'cut':
        ({ prequential, steps: of } = verdict);
        outcome = 'cut';
        break;
      case 'base':
        of = 0;
        outcome = 'base';
    }
    restarts += of > 0 ? 1 : 0;
    await session.restart(learningRate, signal);
    const restart = { undone: attempted.steps, of, learning_rate: learningRate, reason: verdict.reason };
    yield { event: 'restart', restart };
  }
}
