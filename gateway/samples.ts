// The answers of one request, as events: `n` samples of one prompt, one after another, each with a seed of its own.
import type { SamplingOptions, TuneEvent } from '../wire/tune.ts';
import type { FinishReason, Generation, Piece, Prompt, Sampling, Session } from './backends/contract.ts';

export interface Sampled {
  readonly promptTokens: number;
  /** Of all samples. */
  readonly completionTokens: number;
  /** Of the first one. */
  readonly finishReason: FinishReason;
}

type SampleEvent = Extract<TuneEvent, { event: 'token' | 'finish' }>;

const SEEDS = 2 ** 32;

const samplingOf = (asked: SamplingOptions, maxTokens: number, index: number): Sampling => ({
  maxTokens,
  temperature: asked.temperature,
  topP: asked.top_p,
  topK: asked.top_k,
  stop: asked.stop,
  seed: (asked.seed + index) % SEEDS,
  ...(asked.logprobs === null ? {} : { logprobs: asked.logprobs }),
  ...(asked.presence_penalty === 0 ? {} : { presencePenalty: asked.presence_penalty }),
  ...(asked.frequency_penalty === 0 ? {} : { frequencyPenalty: asked.frequency_penalty }),
  ...(index < asked.n - 1 ? { moreFollow: true } : {}),
});

async function* tokens(
  index: number,
  generation: AsyncGenerator<Piece, Generation, void>,
): AsyncGenerator<SampleEvent, Generation, void> {
  try {
    for (let next = await generation.next(); ; next = await generation.next()) {
      if (next.done) return next.value;
      const { text, tokens, logprobs } = next.value;
      yield { event: 'token', index, text, tokens, ...(logprobs === undefined ? {} : { logprobs: [...logprobs] }) };
    }
  } finally {
    // a consumer that stops early ends the generation too; after its end this does nothing
    await generation.return({ finishReason: 'stop', promptTokens: 0, completionTokens: 0 });
  }
}

export async function* samples(
  session: Session,
  prompt: Prompt,
  asked: SamplingOptions,
  maxTokens: number,
  signal: AbortSignal,
): AsyncGenerator<SampleEvent, Sampled, void> {
  let first: Generation | undefined;
  let completionTokens = 0;
  for (let index = 0; index < asked.n; index++) {
    const generation = session.generate(prompt, samplingOf(asked, maxTokens, index), signal);
    const end = yield* tokens(index, generation);
    yield { event: 'finish', index, finish_reason: end.finishReason };
    completionTokens += end.completionTokens;
    first ??= end;
  }
  if (first === undefined) throw new Error('no sample was asked for');
  return { promptTokens: first.promptTokens, completionTokens, finishReason: first.finishReason };
}
