// One request's work on a backend, as events: a step for every pick in pick order, then the generation; the picks may go
// before the prompt too, or instead. What goes there is settled before any step is made.
// Pure but for the backend and the clock: it knows no Request and no stream, so both JSON and SSE are made from it.
import { FaultError } from '../wire/faults.ts';
import { at } from '../wire/list.ts';
import {
  type ScoreRequest,
  type ScoreResponse,
  type StepReport,
  type TuneEvent,
  type TuneRequest,
  tunedOn,
} from '../wire/tune.ts';
import type { Backend, Generation, Model, OpenOptions, Piece, Score, Session } from './backends/contract.ts';
import { type Placed, placeExamples, roomForAnswer } from './context.ts';
import { openGuarded } from './guarded.ts';
import { type ResolvedTuning, resolveTuning, tunedOnWire } from './tuning.ts';

export type Clock = () => number;

/** Where a request is worked on. */
export interface Served {
  readonly backend: Backend;
  readonly model: Model;
}

const openOptions = (tuning: ResolvedTuning, request: TuneRequest | ScoreRequest, seed: number): OpenOptions => ({
  model: request.model,
  method: tuning.method,
  rank: tuning.rank,
  seed,
  reuseGradients: request.tuning.reuse_gradients,
  optimiser: {
    learningRate: tuning.learningRate,
    beta1: request.tuning.beta1,
    beta2: request.tuning.beta2,
    epsilon: request.tuning.epsilon,
    weightDecay: request.tuning.weight_decay,
  },
});

async function* steps(
  session: Session,
  picks: ReturnType<typeof tunedOn>,
  signal: AbortSignal,
): AsyncGenerator<StepReport, void, void> {
  let index = 0;
  const examples = picks.map(({ text }) => text);
  for await (const { loss, tokens, truncated, ms, reused } of session.train(examples, signal)) {
    const { id } = at(picks, index);
    // a step that diverged would only generate noise: say so rather than stream it
    if (!Number.isFinite(loss)) {
      const message = `the loss of step ${index + 1} (example '${id}') is ${loss}; a smaller learning_rate may help`;
      throw new FaultError({ kind: 'backend', message });
    }
    yield { index, of: picks.length, id, loss, tokens, truncated, ms, reused };
    index += 1;
  }
}

async function* tokens(
  generation: AsyncGenerator<Piece, Generation, void>,
): AsyncGenerator<TuneEvent, Generation, void> {
  try {
    for (let next = await generation.next(); ; next = await generation.next()) {
      if (next.done) return next.value;
      yield { event: 'token', text: next.value.text, tokens: next.value.tokens };
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
  { use, picks, layout, prompt, sampling }: TuneRequest,
  signal: AbortSignal,
): Promise<Placed | undefined> => {
  if (use === 'tune') return undefined;
  const mostOf = (promptTokens: number): number =>
    contextTokens - roomForAnswer(sampling.max_tokens, contextTokens, promptTokens);
  return placeExamples((texts) => session.count(texts, signal), { picks, layout, prompt }, mostOf);
};

/** Events of one tuning request after its turn came: step* context? token* usage done. */
export async function* tune(
  { backend, model }: Served,
  request: TuneRequest,
  queueMs: number,
  signal: AbortSignal,
  now: Clock,
): AsyncGenerator<TuneEvent, void, void> {
  const started = now();
  const tuning = resolveTuning(model, request);
  const session = await openGuarded(backend, openOptions(tuning, request, request.sampling.seed), signal);
  try {
    const opened = now();
    await session.check(request.prompt, signal);
    const placed = await examplesBefore(session, model, request, signal);
    let tuningTokens = 0;
    let made = 0;
    for await (const step of steps(session, tunedOn(request), signal)) {
      tuningTokens += step.tokens;
      made += 1;
      yield { event: 'step', step };
    }
    const tuned = now();
    if (placed !== undefined) yield { event: 'context', ...placed.report };
    const generation = session.generate(
      placed?.prompt ?? request.prompt,
      {
        maxTokens: request.sampling.max_tokens,
        temperature: request.sampling.temperature,
        topP: request.sampling.top_p,
        topK: request.sampling.top_k,
        stop: request.sampling.stop,
        seed: request.sampling.seed,
      },
      signal,
    );
    const { finishReason, promptTokens, completionTokens } = yield* tokens(generation);
    yield {
      event: 'usage',
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        tuning_tokens: tuningTokens,
        steps: made,
        tuning: tunedOnWire(tuning),
        ms: { queue: queueMs, open: opened - started, tune: tuned - opened, generate: now() - tuned },
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
  { use, picks, layout, context, text }: ScoreRequest,
  signal: AbortSignal,
): Promise<Placed | undefined> =>
  use === 'tune'
    ? undefined
    : placeExamples(
        (texts) => session.count(texts, signal),
        { picks, layout, prompt: context, following: text },
        () => contextTokens,
      );

/** Bits per byte of a text before and after learning from the picks, in one session. */
export const score = async (
  { backend, model }: Served,
  request: ScoreRequest,
  queueMs: number,
  signal: AbortSignal,
  now: Clock,
): Promise<ScoreResponse> => {
  const started = now();
  const tuning = resolveTuning(model, request);
  const session = await openGuarded(backend, openOptions(tuning, request, 0), signal);
  try {
    const opened = now();
    const before = await session.score(request.context, request.text, signal);
    const placed = await examplesBeforeText(session, model, request, signal);
    const scored = now();
    const reports: StepReport[] = [];
    for await (const step of steps(session, tunedOn(request), signal)) reports.push(step);
    const tuned = now();
    const context = placed?.prompt ?? request.context;
    const same = reports.length === 0 && context === request.context;
    const after = same ? before : await session.score(context, request.text, signal);
    return {
      model: request.model,
      before: scoreOnWire(before),
      after: scoreOnWire(after),
      steps: reports,
      tuning: tunedOnWire(tuning),
      ...(placed === undefined ? {} : { context: placed.report }),
      ms: {
        queue: queueMs,
        open: opened - started,
        tune: tuned - scored,
        score: scored - opened + (now() - tuned),
      },
    };
  } finally {
    await session.close();
  }
};
