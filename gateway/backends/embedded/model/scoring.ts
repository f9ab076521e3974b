// Scores a text's tokens: one pass through the layers, then the probabilities in slices of tokens, so that the
// [tokens × vocabulary] matrix never exists whole (0.8 GB, twice, for 4,096 tokens of SmolLM2).
import { compile, discard, type Feeds, floats, int64, integersOf, type Runnable } from '../runtime.ts';
import type { Architecture } from './config.ts';
import { hiddenGraph, probabilityGraph } from './graphs.ts';
import { LOGITS } from './training.ts';
import { type Lora, outputName } from './transformer.ts';

/** ids, targets [T] and the weights → `logp`, log p(target_t) in nats, [T]. */
export const createScoring = async (a: Architecture, lora: Lora | undefined, threads: number): Promise<Runnable> => {
  const [layers, head] = await Promise.all([
    compile(hiddenGraph(a, lora), threads),
    compile(probabilityGraph(a), threads),
  ]);
  const slice = Math.max(16, Math.floor(LOGITS / a.vocabulary));
  return {
    async run({ targets, ...feeds }: Feeds) {
      const wanted = integersOf(targets, 'targets');
      const matrix = feeds[outputName(a)];
      const { hidden } = await layers.run(feeds);
      if (hidden === undefined || matrix === undefined) throw new Error('no hidden states, or no output matrix');
      const logp = new Float32Array(wanted.length);
      for (let from = 0; from < wanted.length; from += slice) {
        const to = Math.min(wanted.length, from + slice);
        const { logp: some } = await head.run({
          [outputName(a)]: matrix,
          hidden: floats(hidden.subarray(from * a.hidden, to * a.hidden), [to - from, a.hidden]),
          targets: int64(wanted.subarray(from, to)),
        });
        if (some === undefined) throw new Error('no probabilities came out of the graph');
        logp.set(some, from);
      }
      discard(hidden);
      return { logp };
    },
    async release() {
      await layers.release();
      await head.release();
    },
  };
};
