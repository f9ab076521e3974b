// One prompt's work inside a worker process: steps, score, generation, over its own weights.
// Documented choices: a text begins after the model's start token; a training example is cut to TRAIN_TOKENS and the
// context; a score slides a window of the context by half; a prompt too long keeps its end.

import type { Tensor } from 'onnxruntime-node';
import type { Generation, OpenOptions, Piece, Sampling, Score, Step } from '../contract.ts';
import { generate } from './generate.ts';
import { type Model, sequenceFeeds } from './model/model.ts';
import { floats, ints } from './runtime.ts';
import { createWeights, type Gradients } from './weights.ts';

/** Tokens of one training example: the attention matrices of its backward pass grow with the square. */
export const TRAIN_TOKENS = 1_024;
/** Gradients kept for reuse, one per repeated example; each is as large as what is trained. */
const KEPT_GRADIENTS = 8;

export interface EngineSession {
  step(text: string): Promise<Step>;
  score(context: string, text: string): Promise<Score>;
  generate(prompt: string, sampling: Sampling, cancelled: () => boolean): AsyncGenerator<Piece, Generation, void>;
}

const copyOf = (gradients: Gradients): Gradients =>
  new Map(Array.from(gradients, ([name, data]) => [name, data.slice()]));

export const createSession = (model: Model, options: OpenOptions): EngineSession => {
  const { architecture: a } = model;
  const weights = createWeights(model, options);
  const into: Record<string, Tensor> = {};
  for (const [name, data] of weights.gradients) {
    const input = weights.trainingFeeds[name];
    if (input !== undefined) into[`grad:${name}`] = floats(data, input.dims);
  }
  // repeated examples: how often each came, and the gradient and loss of its last odd occurrence
  const seen = new Map<string, { count: number; kept?: { gradients: Gradients; loss: number; tokens: number } }>();

  const gradient = async (text: string): Promise<{ loss: number; tokens: number }> => {
    const ids = [a.start, ...model.encode(text)].slice(0, Math.min(TRAIN_TOKENS, a.context) + 1);
    const tokens = ids.length - 1;
    if (tokens === 0) return { loss: 0, tokens };
    const training = await model.training(weights.rank);
    const outputs = await training.run(
      {
        ...weights.trainingFeeds,
        ...sequenceFeeds(a, ids.slice(0, -1)),
        targets: ints(ids.slice(1)),
        weights: floats(new Float32Array(tokens).fill(1 / tokens), [tokens]),
      },
      into,
    );
    return { loss: outputs.loss?.[0] ?? Number.NaN, tokens };
  };

  return {
    async step(text) {
      const started = performance.now();
      const done = (loss: number, tokens: number, reused: boolean): Step => ({
        loss,
        tokens,
        reused,
        ms: performance.now() - started,
      });
      const entry = seen.get(text) ?? { count: 0 };
      entry.count += 1;
      if (options.reuseGradients && entry.count % 2 === 0 && entry.kept !== undefined) {
        const { gradients, loss, tokens } = entry.kept;
        delete entry.kept;
        weights.apply(gradients);
        return done(loss, tokens, true);
      }
      const { loss, tokens } = await gradient(text);
      if (tokens > 0) weights.apply(weights.gradients);
      if (options.reuseGradients) {
        const kept = [...seen.values()].filter((other) => other.kept !== undefined);
        if (kept.length >= KEPT_GRADIENTS) delete kept[0]?.kept;
        seen.set(text, { count: entry.count, kept: { gradients: copyOf(weights.gradients), loss, tokens } });
      }
      return done(loss, tokens, false);
    },

    async score(context, text) {
      const before = [a.start, ...model.encode(context)];
      const own = model.encode(text);
      const ids = [...before, ...own];
      const scoring = await model.scoring();
      let nats = 0;
      // targets from `next` on are still to be scored; each window brings at least half a context before them
      for (let next = before.length; next < ids.length; ) {
        const end = Math.min(ids.length, next + Math.max(1, Math.floor(a.context / 2)));
        const from = Math.max(0, end - 1 - a.context);
        const window = ids.slice(from, end);
        const { logp } = await scoring.run({
          ...weights.effective(),
          ...sequenceFeeds(a, window.slice(0, -1)),
          targets: ints(window.slice(1)),
        });
        for (let i = next; i < end; i++) nats -= logp?.[i - from - 1] ?? Number.NaN;
        next = end;
      }
      return { bits: nats / Math.LN2, bytes: Buffer.byteLength(text), tokens: own.length };
    },

    generate: (prompt, sampling, cancelled) => generate(model, weights.effective(), prompt, sampling, cancelled),
  };
};
