// One prompt's work on a server, as the contract has it: its life (life.ts), what it learns (learning.ts) and what it
// generates (sampling.ts). Texts are read here, by the same rules as the embedded engine's (../text/), a turn of the event
// loop for each: the longest text that a request may hold takes some tenths of a second.
import type { OpenOptions, Session } from '../contract.ts';
import { orAborted, turn } from '../pause.ts';
import { fittingPrompt, promptIds, type Reader } from '../text/sequence.ts';
import { learningOf } from './learning.ts';
import { type LifeOptions, openLife } from './life.ts';
import { pieces } from './pieces.ts';
import { asThrown } from './problems.ts';
import { tokensOf } from './sampling.ts';

/** A model as the gateway serves it, once its servers have been asked. */
export interface RemoteModel {
  readonly id: string;
  readonly serverName: string;
  readonly reader: Reader;
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
  const { reader, trainTokens } = model;
  const { context } = reader.architecture;
  const learning = learningOf({ life, reader, name: model.id, trainTokens, encoding, optimiser: options.optimiser });
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
  const read = async <T>(texts: readonly string[], asked: AbortSignal, of: (text: string) => T): Promise<T[]> => {
    const all: T[] = [];
    for (const text of texts) {
      await turn();
      asked.throwIfAborted();
      all.push(of(text));
    }
    return all;
  };

  return {
    async check(prompt, asked) {
      await read([prompt], asked, (text) => fittingPrompt(reader, text));
    },
    count: (texts, asked) => read(texts, asked, (text) => promptIds(reader, text).length),
    train: (texts, asked) => checked(learning.train(texts, asked)),
    losses: (texts, asked) => checked(learning.losses(texts, asked)),
    score: (before, text, asked) => called(() => orAborted(learning.score(before, text, asked), asked)),
    restart: (learningRate, asked) =>
      called(async () => {
        await life.restart(asked);
        learning.restart(learningRate);
      }),
    async *generate(text, sampling, asked) {
      asked.throwIfAborted();
      const prompt = fittingPrompt(reader, text);
      const limit = Math.min(sampling.maxTokens, context - prompt.length);
      if (limit <= 0) return { finishReason: 'length', promptTokens: prompt.length, completionTokens: 0 };
      const tokens = tokensOf(life, prompt, samples++, { ...sampling, maxTokens: limit }, asked);
      const { tokenizer } = reader;
      return yield* checked(pieces(tokens, { tokenizer, ends: model.ends, prompt, limit }, sampling, asked));
    },
    close: () => life.close(),
  };
};
