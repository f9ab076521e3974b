// One prompt's work inside a worker process: steps, score, generation, over its own weights.
// Documented choices: texts are read as sequence.ts says; a training example is cut to TRAIN_TOKENS and the context, and
// its step says so; a score slides a window of the context by half; numbers that are not finite end the request.

import { FaultError } from '../../../wire/faults.ts';
import type { Cut, Generation, OpenOptions, Piece, Prompt, Sampling, Score, Step } from '../contract.ts';
import { cutPrompt } from '../text/cut.ts';
import { exampleIds, fittingPrompt, promptIds, scoredIds, scoringWindows, trainedExample } from '../text/sequence.ts';
import { allFinite } from './finite.ts';
import { requireMemory } from './fit.ts';
import { generate, type Prefill } from './generate.ts';
import { type Model, sequenceFeeds } from './model/model.ts';
import { floats, ints } from './runtime.ts';
import { type Adapter, createWeights, type Gradients, type Tuned } from './weights.ts';

/** Tokens of one training example: the attention matrices of its backward pass grow with the square. */
export const TRAIN_TOKENS = 1_024;
/** Gradients kept for reuse, one per repeated example; each is as large as what is trained. */
const KEPT_GRADIENTS = 8;

type Gradient = Pick<Step, 'loss' | 'tokens' | 'truncated'>;

export interface EngineSession {
  /** Throws where the prompt leaves no room in the context. */
  check(prompt: Prompt): void;
  /** Tokens of each prompt. */
  count(prompts: readonly Prompt[]): number[];
  /** The end of a prompt, of at most so many tokens. */
  cut(prompt: Prompt, most: number): Cut;
  /** Throws where the machine has too little memory for a step on the longest of these. */
  fit(texts: readonly string[]): void;
  step(text: string): Promise<Step>;
  /** Nats per token of a text, cut as a step cuts it, under the weights as they are. */
  loss(text: string): Promise<number>;
  /** Back to the base weights, as if opened anew at this learning rate. */
  restart(learningRate: number): void;
  /** LoRA's factors as they are now. */
  exportAdapter(): Adapter;
  /** In place of the session's own factors, as if opened anew with them. */
  importAdapter(adapter: Adapter): void;
  /** A copy of what the steps have made; undefined where it is more bytes than these. */
  keep(maxBytes: number): Gradients | undefined;
  /** As if the steps that the copy comes from had been made here. */
  resume(copy: Gradients): void;
  score(context: string, text: string): Promise<Score>;
  generate(prompt: Prompt, sampling: Sampling, cancelled: () => boolean): AsyncGenerator<Piece, Generation, void>;
}

export const createSession = (model: Model, opened: OpenOptions): EngineSession => {
  let options = opened;
  const { architecture: a } = model;
  const weights = createWeights(model, options);
  // repeated examples: how often each came, and the gradient and loss of its last odd occurrence
  const seen = new Map<string, { count: number; kept?: Gradient & { gradients: Gradients } }>();

  let prefill: { last?: Prefill } = {};
  let steps = 0;
  /** Whether the weights were seen to be finite since the last step. */
  let checked = true;

  /** In the caller's terms: what the steps made of the weights, or that the checkpoint was like this before any. */
  const notFinite = (what: string): FaultError => {
    const { learningRate, epsilon } = options.optimiser;
    const after = `after ${steps} ${steps === 1 ? 'step' : 'steps'} at learning_rate ${learningRate} and epsilon ${epsilon}`;
    const message =
      steps === 0
        ? `${what} of model '${options.model}' are not finite numbers`
        : `${what} are not finite numbers ${after}; a smaller learning_rate or a larger epsilon may help`;
    return new FaultError({ kind: 'backend', message });
  };
  /** The tuned weights, once they are known to be numbers. */
  const tuned = (): Tuned => {
    if (!checked) {
      for (const data of weights.trained()) if (!allFinite(data)) throw notFinite('the weights');
      checked = true;
    }
    return weights.tuned();
  };

  const exampleOf = (text: string) => trainedExample(model, text, TRAIN_TOKENS);
  /** log p of each token but the first, given those before it. */
  const logProbabilities = async (ids: readonly number[]): Promise<Float32Array> => {
    const { rank, feeds } = tuned();
    const scoring = await model.scoring(rank);
    const { logp } = await scoring.run({
      ...feeds,
      ...sequenceFeeds(a, ids.slice(0, -1)),
      targets: ints(ids.slice(1)),
    });
    if (logp === undefined) throw new Error('no probabilities came out of the graph');
    return logp;
  };

  /** One step; where `kept` is given, the gradients are left there. */
  const learn = async (text: string, kept?: Map<string, Float32Array>): Promise<Gradient> => {
    const { ids, truncated, tokens } = exampleOf(text);
    if (tokens === 0) return { loss: 0, tokens, truncated };
    const training = await model.training(weights.rank);
    const update = begin();
    const outputs = await training.run(
      {
        ...weights.trainingFeeds,
        ...sequenceFeeds(a, ids.slice(0, -1)),
        targets: ints(ids.slice(1)),
        weights: floats(new Float32Array(tokens).fill(1 / tokens), [tokens]),
      },
      (name, gradient) => {
        update(name, gradient);
        kept?.set(name, gradient);
        return kept === undefined ? undefined : 'keep';
      },
    );
    return { loss: outputs.loss?.[0] ?? Number.NaN, tokens, truncated };
  };
  const begin = (): ReturnType<typeof weights.update> => {
    steps += 1;
    checked = false;
    prefill = {};
    return weights.update();
  };

  /** Nothing of earlier steps is known any more. */
  const forget = (): void => {
    seen.clear();
    steps = 0;
    checked = true;
    prefill = {};
  };

  return {
    check: (prompt) => void fittingPrompt(model, prompt),
    count: (prompts) => prompts.map((prompt) => promptIds(model, prompt).length),
    cut: (prompt, most) => cutPrompt(model, prompt, most),

    fit(texts) {
      const most = Math.min(TRAIN_TOKENS, a.context);
      // a token is a byte at least, so most texts need not be counted
      const longest = texts.reduce(
        (tokens, text) =>
          Buffer.byteLength(text) <= tokens
            ? tokens
            : Math.max(tokens, Math.min(most, exampleIds(model, text).length - 1)),
        0,
      );
      requireMemory(model, options, longest);
    },

    async step(text) {
      const started = performance.now();
      const done = ({ loss, tokens, truncated }: Gradient, reused: boolean): Step => ({
        loss,
        tokens,
        truncated,
        reused,
        ms: performance.now() - started,
      });
      const entry = seen.get(text) ?? { count: 0 };
      entry.count += 1;
      if (options.reuseGradients && entry.count % 2 === 0 && entry.kept !== undefined) {
        const { kept } = entry;
        delete entry.kept;
        const update = begin();
        for (const [name, gradient] of kept.gradients) update(name, gradient);
        return done(kept, true);
      }
      const gradients = options.reuseGradients ? new Map<string, Float32Array>() : undefined;
      const made = await learn(text, gradients);
      if (gradients !== undefined && made.tokens > 0) {
        const kept = [...seen.values()].filter((other) => other.kept !== undefined);
        if (kept.length >= KEPT_GRADIENTS) delete kept[0]?.kept;
        seen.set(text, { count: entry.count, kept: { ...made, gradients } });
      }
      return done(made, false);
    },

    async loss(text) {
      const { ids, tokens } = exampleOf(text);
      if (tokens === 0) return 0;
      let nats = 0;
      for (const logp of await logProbabilities(ids)) nats -= logp;
      if (!Number.isFinite(nats)) throw notFinite('the probabilities');
      return nats / tokens;
    },

    restart(learningRate) {
      options = { ...options, optimiser: { ...options.optimiser, learningRate } };
      weights.restart(learningRate);
      forget();
    },

    exportAdapter() {
      tuned(); // numbers, or an error that says what made them otherwise
      return weights.factors();
    },

    importAdapter(adapter) {
      weights.begin(adapter);
      forget();
    },

    keep(maxBytes) {
      let bytes = 0;
      for (const { byteLength } of weights.trained()) bytes += byteLength;
      if (bytes > maxBytes) return undefined;
      tuned(); // numbers, or an error that says what made them otherwise
      return weights.copy();
    },

    resume(copy) {
      weights.take(copy);
      forget();
    },

    async score(context, text) {
      const { ids, from: first } = scoredIds(model, context, text);
      let nats = 0;
      for (const { from, next, end } of scoringWindows(ids.length, first, a.context)) {
        const logp = await logProbabilities(ids.slice(from, end));
        for (let i = next; i < end; i++) nats -= logp[i - from - 1] ?? Number.NaN;
      }
      if (!Number.isFinite(nats)) throw notFinite('the probabilities');
      return { bits: nats / Math.LN2, bytes: Buffer.byteLength(text), tokens: ids.length - first };
    },

    generate: (prompt, sampling, cancelled) =>
      generate(model, { tuned: tuned(), prompt, sampling, cancelled, notFinite, prefill }),
  };
};
