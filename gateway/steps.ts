// The gradient steps of one request, and what the guard makes of them: base losses first, then a step a pick; whenever the
// policy (prequential.ts) says so, back to the base weights and again. What is undone is told, never hidden.
// Steps made again are begun only if they and the answer fit into the request's time, by what the steps before took.
// Trade-off: going back to the first k steps makes them again, which costs k steps and no memory for copies of weights.
import { FaultError } from '../wire/faults.ts';
import { GUARD_MIN_PICKS, GUARD_TIME_FACTOR } from '../wire/limits.ts';
import { at } from '../wire/list.ts';
import type {
  GuardReport,
  RankedPick,
  Restart,
  ScoreRequest,
  StepReport,
  TuneEvent,
  TuneRequest,
} from '../wire/tune.ts';
import { tunedOn } from '../wire/tune.ts';
import type { Session, Step } from './backends/contract.ts';
import { lossesCost, stepsCost } from './cost.ts';
import { type Attempt, afterStep, atEnd, type Difference, prequentialGain, type Verdict } from './prequential.ts';
import { judgedTexts, type ResolvedTuning } from './tuning.ts';

export type StepEvent = Extract<TuneEvent, { event: 'step' | 'restart' }>;

/** What a request may take, by one clock. */
export interface Time {
  now(): number;
  /** When it must be over. */
  readonly until: number;
  /** Estimated cost of what comes after the steps, in the units of cost.ts. */
  readonly rest: number;
}

export interface Made {
  /** The steps that the session's weights come from. */
  readonly kept: readonly StepReport[];
  /** Of all steps, those undone included. */
  readonly steps: number;
  readonly tokens: number;
  /** Null without steps, or where the guard is off. */
  readonly guard: GuardReport | null;
}

type Request = TuneRequest | ScoreRequest;

const notFinite = (index: number, { id }: RankedPick, { loss }: Step): FaultError => {
  const message = `the loss of step ${index + 1} (example '${id}') is ${loss}; a smaller learning_rate may help`;
  return new FaultError({ kind: 'backend', message });
};

/** Whether work of this estimated cost fits, if a unit takes as long as those that were measured. */
const fitting = ({ now, until }: Time, measured: { ms: number; cost: number }, cost: number): boolean =>
  now() + GUARD_TIME_FACTOR * (measured.ms / measured.cost) * cost <= until;

/** The losses of texts under the base weights, by text; undefined when they would leave too little time for the rest. */
const baseLosses = async (
  session: Session,
  request: Request,
  texts: readonly string[],
  time: Time,
  contextTokens: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number> | undefined> => {
  const losses = new Map<string, number>();
  const after = stepsCost(request, contextTokens) + time.rest;
  // the fastest so far: the first may have waited for graphs to be compiled
  let fastest = { ms: Number.POSITIVE_INFINITY, cost: 1 };
  let before = time.now();
  for await (const loss of session.losses(texts, signal)) {
    const text = at(texts, losses.size);
    losses.set(text, loss);
    const one = { ms: time.now() - before, cost: lossesCost([text], contextTokens) };
    before += one.ms;
    if (one.ms / one.cost < fastest.ms / fastest.cost) fastest = one;
    const left = lossesCost(texts.slice(losses.size), contextTokens) + after;
    if (losses.size > 1 && !fitting(time, fastest, left)) return undefined;
  }
  return losses;
};

export async function* makeSteps(
  session: Session,
  request: Request,
  { learningRate }: ResolvedTuning,
  contextTokens: number,
  time: Time,
  signal: AbortSignal,
): AsyncGenerator<StepEvent, Made, void> {
  const picks = tunedOn(request);
  const judged = judgedTexts(request);
  const bases =
    judged === undefined ? undefined : await baseLosses(session, request, judged, time, contextTokens, signal);
  let reason: string | null = null;
  if (judged === undefined) {
    const fresh = new Set(picks.map(({ text }) => text)).size;
    reason = `not judged: ${fresh} of the picks are new to the model, and ${GUARD_MIN_PICKS} are needed`;
  } else if (bases === undefined) reason = 'not judged: the losses under the base weights would have taken too long';

  let rate = learningRate;
  let outcome: GuardReport['outcome'] = 'kept';
  let prequential: number | undefined;
  let [restarts, lateRestarts] = [0, 0];
  let [steps, undone, tokens] = [0, 0, 0];
  let measured = { ms: 0, cost: 0 };
  const fits = (count: number): boolean =>
    fitting(time, measured, stepsCost(request, contextTokens, count) + time.rest);

  for (let of = picks.length; ; ) {
    const kept: StepReport[] = [];
    const differences: Difference[] = [];
    const seen = new Set<string>();
    const watching = bases !== undefined && outcome !== 'cut';
    let verdict: Verdict = { kind: 'continue' };
    let made = 0;
    if (of > 0) {
      const texts = picks.slice(0, of).map(({ text }) => text);
      for await (const step of session.train(texts, signal)) {
        const index = made;
        const pick = at(picks, index);
        const finite = Number.isFinite(step.loss);
        // a step that diverged would only generate noise: without a way back say so rather than stream it
        if (!finite && (!watching || index === 0)) throw notFinite(index, pick, step);
        made += 1;
        tokens += step.tokens;
        const cost = stepsCost(request, contextTokens, made) - stepsCost(request, contextTokens, index);
        // the very first step may have waited for graphs to be compiled
        if (steps + made <= 2) measured = { ms: step.ms, cost };
        else measured = { ms: measured.ms + step.ms, cost: measured.cost + cost };
        if (finite) {
          const { loss, tokens: read, truncated, ms, reused } = step;
          const report = { index, of, id: pick.id, loss, tokens: read, truncated, ms, reused };
          kept.push(report);
          yield { event: 'step', step: report };
        }
        if (!watching) continue;
        const fresh = !seen.has(pick.text) && step.tokens > 0;
        seen.add(pick.text);
        if (!finite) differences.push({ step: made, nats: Number.POSITIVE_INFINITY });
        else if (fresh) differences.push({ step: made, nats: step.loss - (bases.get(pick.text) ?? step.loss) });
        const attempt: Attempt = { learningRate: rate, steps: of, differences, restarts, lateRestarts, fits };
        verdict = finite && made === of ? atEnd(attempt) : afterStep(attempt);
        if (verdict.kind !== 'continue') break;
      }
    }
    steps += made;
    if (watching && of > 0) prequential = prequentialGain(differences);
    if (verdict.kind === 'continue') {
      reason = verdict.reason ?? reason;
      const report: GuardReport = {
        prequential: prequential !== undefined && Number.isFinite(prequential) ? prequential : null,
        kept_steps: kept.length,
        undone_steps: undone,
        rate,
        restarts,
        outcome,
        reason,
      };
      return { kept, steps, tokens, guard: request.tuning.guard && picks.length > 0 ? report : null };
    }

    undone += made;
    ({ reason } = verdict);
    if (verdict.kind === 'lower') {
      rate = verdict.learningRate;
      if (verdict.late) lateRestarts += 1;
      outcome = 'lowered';
    } else if (verdict.kind === 'cut') {
      ({ prequential, steps: of } = verdict);
      outcome = 'cut';
    } else {
      of = 0;
      outcome = 'base';
    }
    if (of > 0) restarts += 1;
    await session.restart(rate, signal);
    const restart: Restart = { undone: made, of, learning_rate: rate, reason: verdict.reason };
    yield { event: 'restart', restart };
  }
}
