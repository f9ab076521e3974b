// One prompt's work on a server, as the contract has it: its life (life.ts), what it learns (learning.ts) and what it
// generates (sampling.ts), of texts that are read in a thread of their own (reading.ts).
import type { Tokenizer } from '../../../tokenizer/index.ts';
import type { Keeping, OpenOptions, Session } from '../contract.ts';
import { orAborted } from '../pause.ts';
import { createAnswer } from '../text/answer.ts';
import { answerEnds, type Chat } from '../text/chat/chat.ts';
import { keepingOf } from './keeping.ts';
import { learningOf } from './learning.ts';
import { type LifeOptions, openLife } from './life.ts';
import { pieces } from './pieces.ts';
import { asThrown } from './problems.ts';
import type { Reading } from './reading.ts';
import { tokensOf } from './sampling.ts';

/** A model as the gateway serves it, once its servers have been asked. */
export interface RemoteModel {
  readonly id: string;
  readonly serverName: string;
  readonly reading: Reading;
  /** Turns ids into text again. */
  readonly tokenizer: Tokenizer;
  readonly chat: Chat;
  readonly contextTokens: number;
  /** End a generation. */
  readonly ends: readonly number[];
  /** Of one example. */
  readonly trainTokens: number;
}

export interface SessionContext extends Omit<LifeOptions, 'baseModel'> {
  readonly model: RemoteModel;
  readonly encoding: 'protobuf' | 'json';
}

/** Throws ServerErrors, by which another server may be tried; the session's own calls throw what the contract says. */
export const openSession = async (
  { model, encoding, ...rest }: SessionContext,
  options: OpenOptions,
  signal: AbortSignal,
): Promise<Session> => {
  const life = await openLife({ ...rest, baseModel: model.serverName }, options, signal);
  const { reading, contextTokens } = model;
  const learning = learningOf({ ...model, life, name: model.id, encoding, optimiser: options.optimiser });
  let samples = 0;

  const thrown = (error: unknown): unknown => asThrown(life.gone() ?? error);
  async function* checked<T, R>(work: AsyncGenerator<T, R, void>): AsyncGenerator<T, R, void> {
    try {
      return yield* work;
    } catch (error) {
      throw thrown(error);
    }
  }
  const called = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw thrown(error);
    }
  };
  const keeping = (): Keeping => {
    const { keep, resume } = keepingOf(life);
    return {
      keep: (maxBytes, asked) => called(() => orAborted(keep(maxBytes, asked), asked)),
      resume: (kept, asked) => called(() => resume(kept, asked)),
    };
  };
  return {
    async check(prompt, asked) {
      await reading.prompt(prompt, asked);
    },
    async count(prompts, asked) {
      const counts: number[] = [];
      for (const prompt of prompts) counts.push(await reading.count(prompt, asked));
      return counts;
    },
    cut: (prompt, most, asked) => reading.cut(prompt, most, asked),
    train: (texts, asked) => checked(learning.train(texts, asked)),
    losses: (texts, asked) => checked(learning.losses(texts, asked)),
    score: (before, text, asked) => called(() => orAborted(learning.score(before, text, asked), asked)),
    restart: (learningRate, asked) =>
      called(async () => {
        await life.restart(asked);
        learning.restart(learningRate);
      }),
    // full fine-tuning has no adapter
    ...(life.server.capabilities?.adapters === true && options.method === 'lora' ? { keeping: keeping() } : {}),
    async *generate(given, sampling, asked) {
      const prompt = await reading.prompt(given, asked);
      const limit = Math.min(sampling.maxTokens, contextTokens - prompt.length);
      if (limit <= 0) return { finishReason: 'length', promptTokens: prompt.length, completionTokens: 0 };
      const tokens = tokensOf(life, prompt, samples++, { ...sampling, maxTokens: limit }, asked);
      const ending = answerEnds(model.chat, model.ends, given, sampling);
      const told = sampling.logprobs !== undefined;
      const answer = createAnswer({ tokenizer: model.tokenizer, prompt, ...ending, limit, told });
      return yield* checked(pieces(tokens, model.tokenizer, answer, told, asked));
    },
    close: () => life.close(),
  };
};
