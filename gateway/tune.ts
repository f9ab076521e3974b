// One request's work on a backend, as events: a step for every pick in pick order (steps.ts), then the generation; the
// picks may go before the prompt too, or instead. What goes there is settled before any step is made.
// Pure but for the backend and the clock: it knows no Request and no stream, so both JSON and SSE are made from it.
import type { ScoreResponse, TuneEvent } from '../wire/tune.ts';
import { type Learnt, learn, type Shelf, shelve } from './adapters/learn.ts';
import type { Backend, Generation, Model, OpenOptions, Piece, Score, Session } from './backends/contract.ts';
import { type Placed, placeExamples, roomForAnswer } from './context.ts';
import { generationCost, scoreAfterCost } from './cost.ts';
import { openGuarded } from './guarded.ts';
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
}

const fromShelf = (shelf: Shelf | undefined): Pick<OpenOptions, 'from'> => {
  const from = shelf?.store.find(shelf.key)?.weights;
  return from === undefined ? {} : { from };
};

const openOptions = (tuning: ResolvedTuning, request: SettledTune | SettledScore, shelf?: Shelf): OpenOptions => ({
  ...fromShelf(shelf),
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

async function* tokens(
  generation: AsyncGenerator<Piece, Generation, void>,
): AsyncGenerator<TuneEvent, Generation, void> {
  try {
    for (let next = await generation.next(); ; next = await generation.next()) {
      if (next.done) return next.value;
      yield { event: 'token', index: 0, text: next.value.text, tokens: next.value.tokens };
    }
  } finally {
    // a consumer that stops early ends the generation too; after its end this does nothing
    await generation.return({ finishReason: 'stop', promptTokens: 0, completionTokens: 0 });
  }
}

/** The prompt with examples before it, as far as they leave room for the answer; undefined where they are tuned on only. */
const examplesBefore = async (
  session: Session,
  { contextTokens }: Model,
  { use, picks, layout, prompt = '', sampling }: SettledTune,
  signal: AbortSignal,
): Promise<Placed | undefined> => {
  if (use === 'tune') return undefined;
  const mostOf = (promptTokens: number): number =>
    contextTokens - roomForAnswer(sampling.max_tokens ?? contextTokens, contextTokens, promptTokens);
  return placeExamples((texts) => session.count(texts, signal), { picks, layout, prompt }, mostOf);
};

/**
 * Events of one tuning request after its turn came: (step* restart)* step* or an adapter, context? token* usage done.
 * `until` is when the request must be over, by the same clock.
 */
export async function* tune(
  { backend, model, shelf }: Served,
  request: SettledTune,
  queueMs: number,
  signal: AbortSignal,
  now: Clock,
  until = Number.POSITIVE_INFINITY,
): AsyncGenerator<TuneEvent, void, void> {
  const started = now();
  const tuning = resolveTuning(model, request);
  const session = await openGuarded(backend, openOptions(tuning, request, shelf), signal);
  try {
    const opened = now();
    await session.check(request.prompt ?? '', signal);
    const placed = await examplesBefore(session, model, request, signal);
    const { pipelined } = model.capabilities;
    const time = { now, until, pipelined, rest: generationCost(request, model.contextTokens) };
    const steps = () => makeSteps(session, request, tuning, model.contextTokens, time, signal);
    const learnt = yield* learn(session, shelf, tuning, steps, signal);
    const tuned = now();
    if (placed !== undefined) yield { event: 'context', ...placed.report };
    const generation = session.generate(
      placed?.prompt ?? request.prompt ?? '',
      {
        maxTokens: request.sampling.max_tokens ?? model.contextTokens,
        temperature: request.sampling.temperature,
        topP: request.sampling.top_p,
        topK: request.sampling.top_k,
        stop: request.sampling.stop,
        seed: request.sampling.seed,
      },
      signal,
    );
    const { finishReason, promptTokens, completionTokens } = yield* tokens(generation);
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
): Promise<Placed | undefined> =>
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
  { backend, model, shelf }: Served,
  request: SettledScore,
  queueMs: number,
  signal: AbortSignal,
  now: Clock,
  until = Number.POSITIVE_INFINITY,
): Promise<ScoreResponse> => {
  const started = now();
  const tuning = resolveTuning(model, request);
  const session = await openGuarded(backend, openOptions(tuning, request, shelf), signal);
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
