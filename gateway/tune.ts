// One request's work on a backend, as events: a step for every pick in pick order (steps.ts), then the generation; the
// picks may go before the prompt too, or instead. What goes there is settled before any step is made.
// Pure but for the backend and the clock: it knows no Request and no stream, so both JSON and SSE are made from it.
import type { ContextReport } from '../wire/context.ts';
import type { Trail } from '../wire/trace.ts';
import type { ScoreResponse, Truncation, TuneEvent } from '../wire/tune/responses.ts';
import { type Learnt, learn, type Shelf, shelve } from './adapters/learn.ts';
import type { Backend, Model, OpenOptions, Prompt, Score, Session } from './backends/contract.ts';
import { type CountTokens, placeExamples, placeIn, roomForAnswer } from './context.ts';
import { generationCost, scoreAfterCost } from './cost.ts';
import { openGuarded } from './guarded.ts';
import { frameOf, mostNewTokens, promptOf } from './prompt.ts';
import { samples } from './samples.ts';
import { makeSteps } from './steps.ts';
import { type ResolvedTuning, resolveTuning, tunedOnWire } from './tuning.ts';
import type { SettledScore, SettledTune } from './use.ts';

export type Clock = () => number;

/** Where a request is worked on. */
export interface Served {
  readonly backend: Backend;
  readonly model: Model;
  /** Where its adapter is looked for and put. */
  readonly shelf?: Shelf | undefined;
  /** For the logs of a backend on other machines. */
  readonly trail?: Trail | undefined;
}

const fromShelf = (shelf: Shelf | undefined): Pick<OpenOptions, 'from'> => {
  const from = shelf?.store.find(shelf.key)?.weights;
  return from === undefined ? {} : { from };
};

const openOptions = (
  tuning: ResolvedTuning,
  request: SettledTune | SettledScore,
  { shelf, trail }: Pick<Served, 'shelf' | 'trail'>,
): OpenOptions => ({
  ...fromShelf(shelf),
  ...(trail === undefined ? {} : { trail }),
  model: request.model,
  method: tuning.method,
  rank: tuning.rank,
  seed: request.tuning.seed,
  tenant: request.tenant,
  reuseGradients: request.tuning.reuse_gradients,
  optimiser: {
    learningRate: tuning.learningRate,
    beta1: request.tuning.beta1,
    beta2: request.tuning.beta2,
    epsilon: request.tuning.epsilon,
    weightDecay: request.tuning.weight_decay,
  },
});

/** The prompt as it will be read; where it does not fit and may be cut, its end, with what was cut told. */
const fitted = async (
  session: Session,
  { contextTokens }: Model,
  request: SettledTune,
  signal: AbortSignal,
): Promise<{ prompt: Prompt; truncated?: Truncation }> => {
  const { sampling } = request;
  const prompt = promptOf(request);
  if (sampling.truncate === 'start') {
    const [tokens = 0] = await session.count([prompt], signal);
    if (tokens >= contextTokens) {
      const room = roomForAnswer(mostNewTokens(sampling, contextTokens), contextTokens, 0);
      const cut = await session.cut(prompt, contextTokens - room, signal);
      return { prompt: cut.prompt, truncated: { dropped_tokens: cut.dropped, kept_tokens: cut.kept } };
    }
  }
  await session.check(prompt, signal);
  return { prompt };
};

/** The prompt with examples in it, as far as they leave room for the answer; undefined where they are tuned on only. */
const withExamples = async (
  session: Session,
  { contextTokens }: Model,
  { use, picks, layout, sampling }: SettledTune,
  prompt: Prompt,
  signal: AbortSignal,
): Promise<{ prompt: Prompt; report: ContextReport } | undefined> => {
  if (use === 'tune') return undefined;
  const mostOf = (promptTokens: number): number =>
    contextTokens - roomForAnswer(mostNewTokens(sampling, contextTokens), contextTokens, promptTokens);
  const frame = frameOf(layout, prompt);
  const count: CountTokens = (prompts) => session.count(prompts, signal);
  // what was cut was cut for want of room
  const fitting = typeof prompt === 'object' && 'ids' in prompt ? [] : picks;
  const { examples, report } = await placeIn(count, { picks: fitting, frame, separator: layout.separator }, mostOf);
  return {
    prompt: frame.prompt(examples),
    report: { ...report, dropped: report.dropped + picks.length - fitting.length },
  };
};

/**
 * Events of one tuning request after its turn came: (step* restart)* step* or an adapter, truncated?
 * context? (token | finish)* usage done.
 * `until` is when the request must be over, by the same clock.
 */
export async function* tune(
  { backend, model, shelf, trail }: Served,
  request: SettledTune,
  queueMs: number,
  signal: AbortSignal,
  now: Clock,
  until = Number.POSITIVE_INFINITY,
): AsyncGenerator<TuneEvent, void, void> {
  const started = now();
  const tuning = resolveTuning(model, request);
  const session = await openGuarded(backend, openOptions(tuning, request, { shelf, trail }), signal);
  try {
    const opened = now();
    const { prompt, truncated } = await fitted(session, model, request, signal);
    const placed = await withExamples(session, model, request, prompt, signal);
    const { pipelined } = model.capabilities;
    const time = { now, until, pipelined, rest: generationCost(request, model.contextTokens) };
    const steps = () => makeSteps(session, request, tuning, model.contextTokens, time, signal);
    const learnt = yield* learn(session, shelf, tuning, steps, signal);
    const tuned = now();
    if (truncated !== undefined) yield { event: 'truncated', ...truncated };
    if (placed !== undefined) yield { event: 'context', ...placed.report };
    const { sampling } = request;
    const asked = { sampling, maxTokens: mostNewTokens(sampling, model.contextTokens), pipelined };
    const answers = samples(session, placed?.prompt ?? prompt, asked, signal);
    const { finishReason, promptTokens, completionTokens } = yield* answers;
    const generated = now();
    // after the last token, whose caller does not wait for it
    const adapter = await shelve(session, shelf, request, backend, learnt, until - now(), signal);
    yield {
      event: 'usage',
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        tuning_tokens: learnt.tokens,
        steps: learnt.steps,
        tuning: tunedOnWire(tuning, learnt.guard, adapter),
        ms: { queue: queueMs, open: opened - started, tune: tuned - opened, generate: generated - tuned },
      },
    };
    yield { event: 'done', finish_reason: finishReason };
  } finally {
    await session.close();
  }
}

const scoreOnWire = ({ bits, bytes, tokens }: Score): ScoreResponse['before'] => ({
  bits,
  bytes,
  tokens,
  bits_per_byte: bits / bytes,
});

/**
 * The context with examples before it, as far as the text leaves room in the same window: a text that slides through
 * several would see them only at its beginning, so that none go in then.
 */
const examplesBeforeText = async (
  session: Session,
  { contextTokens }: Model,
  { use, picks, layout, context, text }: SettledScore,
  signal: AbortSignal,
): Promise<{ prompt: string; report: ContextReport } | undefined> =>
  use === 'tune'
    ? undefined
    : placeExamples(
        (texts) => session.count(texts, signal),
        { picks, layout, prompt: context, following: text },
        () => contextTokens,
      );

/** What came of it; the events on the way are read by nobody. */
const allOf = async (steps: AsyncGenerator<unknown, Learnt, void>): Promise<Learnt> => {
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
  }
};

/** Bits per byte of a text before and after learning from the picks, in one session. */
export const score = async (
  { backend, model, shelf, trail }: Served,
  request: SettledScore,
  queueMs: number,
  signal: AbortSignal,
  now: Clock,
  until = Number.POSITIVE_INFINITY,
): Promise<ScoreResponse> => {
  const started = now();
  const tuning = resolveTuning(model, request);
  const session = await openGuarded(backend, openOptions(tuning, request, { shelf, trail }), signal);
  try {
    const opened = now();
    const before = await session.score(request.context, request.text, signal);
    const placed = await examplesBeforeText(session, model, request, signal);
    const scored = now();
    const { pipelined } = model.capabilities;
    const time = { now, until, pipelined, rest: scoreAfterCost(request, model.contextTokens) };
    const steps = () => makeSteps(session, request, tuning, model.contextTokens, time, signal);
    const learnt = await allOf(learn(session, shelf, tuning, steps, signal));
    const { kept, guard } = learnt;
    const tuned = now();
    const context = placed?.prompt ?? request.context;
    const same = kept.length === 0 && context === request.context;
    const after = same ? before : await session.score(context, request.text, signal);
    const read = now();
    const adapter = await shelve(session, shelf, request, backend, learnt, until - now(), signal);
    return {
      model: request.model,
      before: scoreOnWire(before),
      after: scoreOnWire(after),
      steps: [...kept],
      tuning: tunedOnWire(tuning, guard, adapter),
      ...(placed === undefined ? {} : { context: placed.report }),
      ms: {
        queue: queueMs,
        open: opened - started,
        tune: tuned - scored,
        score: scored - opened + (read - tuned),
      },
    };
  } finally {
    await session.close();
  }
};
