// The gateway's events as one answer. Throws what the events ended in.
import { at } from '../../wire/list.ts';
import type { TokenLogprob } from '../../wire/tune/responses.ts';
import { Account, usageOf } from './account.ts';
import { type Told, unfinished } from './run.ts';
import type { FinishReason, Sample, Shape } from './shape.ts';

interface Growing {
  text: string;
  logprobs: TokenLogprob[] | undefined;
  finishReason: FinishReason | undefined;
}

export interface Asked {
  readonly prompts: number;
  /** Samples of each. */
  readonly n: number;
}

/** The whole answer, and what became of each prompt. */
export const answerWhole = async (shape: Shape, told: AsyncIterable<Told>, { prompts, n }: Asked) => {
  const accounts = Array.from({ length: prompts }, () => new Account());
  const growing = Array.from(
    { length: prompts * n },
    (): Growing => ({ text: '', logprobs: undefined, finishReason: undefined }),
  );
  for await (const { prompt, event } of told) {
    at(accounts, prompt).see(event);
    if (event.event === 'token') {
      const sample = at(growing, prompt * n + event.index);
      sample.text += event.text;
      if (event.logprobs !== undefined) {
        sample.logprobs ??= [];
        sample.logprobs.push(...event.logprobs);
      }
    } else if (event.event === 'finish') {
      at(growing, prompt * n + event.index).finishReason = event.finish_reason;
    } else if (event.event === 'done') {
      // a gateway that knows one sample only has no `finish`
      at(growing, prompt * n).finishReason ??= event.finish_reason;
    }
  }
  const samples = growing.map(({ text, logprobs, finishReason }, index): Sample => {
    if (finishReason === undefined) throw unfinished();
    const { truncated } = at(accounts, Math.floor(index / n));
    return { index, text, finishReason, logprobs, truncated };
  });
  return { answer: shape.whole(samples, usageOf(accounts)), accounts };
};
