// The answers of one request, as events: `n` samples of one prompt, each with a seed of its own: one after another, or all at
// once where the backend takes work so (a server with many slots in one pass).
import type { SamplingOptions } from '../wire/tune/requests.ts';
import type { TuneEvent } from '../wire/tune/responses.ts';
import type { FinishReason, Generation, Piece, Prompt, Sampling, Session } from './backends/contract.ts';
import { merged } from './merged.ts';

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

async function* sample(
  index: number,
  generation: AsyncGenerator<Piece, Generation, void>,
  told: (end: Generation) => void,
): AsyncGenerator<SampleEvent, void, void> {
  try {
    for (let next = await generation.next(); ; next = await generation.next()) {
      if (next.done) {
        told(next.value);
        yield { event: 'finish', index, finish_reason: next.value.finishReason };
        return;
      }
      const { text, tokens, logprobs } = next.value;
      yield { event: 'token', index, text, tokens, ...(logprobs === undefined ? {} : { logprobs: [...logprobs] }) };
    }
  } finally {
    // a consumer that stops early ends the generation too; after its end this does nothing
    await generation.return({ finishReason: 'stop', promptTokens: 0, completionTokens: 0 });
  }
}

export interface AskedSamples {
  readonly sampling: SamplingOptions;
  /** Tokens of each at most. */
  readonly maxTokens: number;
  /** Whether the backend is asked for all at once. */
  readonly pipelined: boolean;
}

export async function* samples(
  session: Session,
  prompt: Prompt,
  { sampling, maxTokens, pipelined }: AskedSamples,
  signal: AbortSignal,
): AsyncGenerator<SampleEvent, Sampled, void> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const ends = new Map<number, Generation>();
  const indices = Array.from({ length: sampling.n }, (_, index) => index);
  const started = (index: number): AsyncGenerator<SampleEvent, void, void> => {
    const generation = session.generate(prompt, samplingOf(sampling, maxTokens, index), until);
    return sample(index, generation, (end) => void ends.set(index, end));
  };
  if (pipelined) yield* merged(indices.map(started), () => over.abort());
  else for (const index of indices) yield* started(index);
  const all = [...ends.values()];
  const first = ends.get(0);
  if (first === undefined || all.length < sampling.n) throw new Error(`${all.length} of ${sampling.n} samples ended`);
  return {
    promptTokens: first.promptTokens,
    completionTokens: all.reduce((sum, { completionTokens }) => sum + completionTokens, 0),
    finishReason: first.finishReason,
  };
}
