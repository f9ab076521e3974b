// One request's work on a backend, as events: a step for every pick in pick order, then the generation.
// Pure but for the backend and the clock: it knows no Request and no stream, so both JSON and SSE are made from it.
import { FaultError } from '../wire/faults.ts';
import { at } from '../wire/list.ts';
import type { ScoreRequest, ScoreResponse, StepReport, TuneEvent, TuneRequest } from '../wire/tune.ts';
import type { Backend, Generation, Model, OpenOptions, Piece, Score, Session } from './backends/contract.ts';
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
  picks: TuneRequest['picks'],
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

/** Events of one tuning request after its turn came: step* token* usage done. */
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
    let tuningTokens = 0;
    for await (const step of steps(session, request.picks, signal)) {
      tuningTokens += step.tokens;
      yield { event: 'step', step };
    }
    const tuned = now();
    const generation = session.generate(
      request.prompt,
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
        steps: request.picks.length,
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

/** Bits per byte of a text before and after tuning on the picks, in one session. */
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
    const scored = now();
    const reports: StepReport[] = [];
    for await (const step of steps(session, request.picks, signal)) reports.push(step);
    const tuned = now();
    const after = request.picks.length === 0 ? before : await session.score(request.context, request.text, signal);
    return {
      model: request.model,
      before: scoreOnWire(before),
      after: scoreOnWire(after),
      steps: reports,
      tuning: tunedOnWire(tuning),
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
