// A language model small enough to be computed by hand: a table of logits for each token given the one before it, over
// bytes. It learns by the same Adam as the engines, is deterministic, and is what the scripted Tinker server serves.
import { byteAlphabet } from '../../tokenizer/bytes.ts';
import { seededRandom } from '../../wire/random.ts';

export const END = 256;
const VOCABULARY = 257;
export const CONTEXT = 512;

export interface AdamParams {
  readonly learning_rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weight_decay: number;
}

/** Letters and blanks are likely, an end is not, and every row differs. */
const base = ((): Float32Array => {
  const random = seededRandom(11);
  const logits = new Float32Array(VOCABULARY * VOCABULARY);
  for (let i = 0; i < logits.length; i++) {
    const token = i % VOCABULARY;
    const letter = (token >= 97 && token <= 122) || token === 32;
    logits[i] = 2 * random() + (letter ? 4 : 0) - (token === END ? 6 : 0);
  }
  return logits;
})();

export interface TinyModel {
  /** log p of each target; with a gradient, it is kept for the next step. */
  logprobs(inputs: readonly number[], targets: readonly number[], weights: readonly number[] | undefined): Float32Array;
  step(adam: AdamParams): void;
  copy(): TinyModel;
  next(token: number, sampling: { temperature: number; top_k: number; top_p: number }, random: () => number): number;
}

const logSoftmax = (row: Float32Array): Float64Array => {
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of row) if (value > highest) highest = value;
  let sum = 0;
  for (const value of row) sum += Math.exp(value - highest);
  return Float64Array.from(row, (value) => value - highest - Math.log(sum));
};

export const tinyModel = (logits: Float32Array = base.slice()): TinyModel => {
  const gradient = new Float32Array(logits.length);
  const m = new Float32Array(logits.length);
  const v = new Float32Array(logits.length);
  let t = 0;
  /** Rows that ever had a gradient: without one, Adam leaves a weight as it is, but for its decay. */
  const touched = new Set<number>();
  const rowOf = (token: number): Float32Array => logits.subarray(token * VOCABULARY, (token + 1) * VOCABULARY);
  return {
    logprobs(inputs, targets, weights) {
      return Float32Array.from(targets, (target, i) => {
        const input = inputs[i] ?? END;
        const logp = logSoftmax(rowOf(input));
        const weight = weights?.[i];
        if (weight !== undefined) {
          touched.add(input);
          const at = input * VOCABULARY;
          for (let k = 0; k < VOCABULARY; k++) {
            gradient[at + k] = (gradient[at + k] ?? 0) + weight * (Math.exp(logp[k] ?? 0) - (k === target ? 1 : 0));
          }
        }
        return logp[target] ?? Number.NaN;
      });
    },
    step({ learning_rate, beta1, beta2, eps, weight_decay }) {
      t += 1;
      const rate = learning_rate / (1 - beta1 ** t);
      const correction = 1 / (1 - beta2 ** t);
      const keep = 1 - learning_rate * weight_decay;
      if (keep < 1) for (let i = 0; i < logits.length; i++) logits[i] = keep * (logits[i] as number);
      for (const row of touched) {
        for (let i = row * VOCABULARY; i < (row + 1) * VOCABULARY; i++) {
          const g = gradient[i] as number;
          m[i] = beta1 * (m[i] as number) + (1 - beta1) * g;
          v[i] = beta2 * (v[i] as number) + (1 - beta2) * g * g;
          const update = (rate * (m[i] as number)) / (Math.sqrt((v[i] as number) * correction) + eps);
          logits[i] = (logits[i] as number) - update;
        }
      }
      gradient.fill(0);
    },
    copy: () => tinyModel(logits.slice()),
    next(token, { temperature, top_k, top_p }, random) {
      const logp = logSoftmax(rowOf(token));
      const ids = Array.from(logp.keys()).sort((a, b) => (logp[b] ?? 0) - (logp[a] ?? 0) || a - b);
      if (temperature === 0) return ids[0] ?? END;
      const kept = top_k > 0 ? ids.slice(0, top_k) : ids;
      const weights = kept.map((id) => Math.exp((logp[id] ?? 0) / temperature));
      let total = 0;
      const wanted = top_p * weights.reduce((sum, weight) => sum + weight, 0);
      const inside = weights.findIndex((weight) => {
        total += weight;
        return total >= wanted;
      });
      let rest = random() * total;
      for (let i = 0; i <= inside; i++) {
        rest -= weights[i] ?? 0;
        if (rest < 0) return kept[i] ?? END;
      }
      return ids[0] ?? END;
    },
  };
};

/** The model's files, as a checkpoint's directory holds them: each byte is a token, and one token ends a text. */
export const tinyFiles = (): Readonly<Record<string, string>> => {
  const vocab = Object.fromEntries(byteAlphabet.characters.map((character, byte) => [character, byte]));
  const end = {
    id: END,
    content: '<|end|>',
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
  return {
    'tokenizer.json': JSON.stringify({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [end],
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: { ...vocab, '<|end|>': END },
        merges: [],
      },
    }),
    'config.json': JSON.stringify({
      vocab_size: VOCABULARY,
      bos_token_id: null,
      eos_token_id: END,
      max_position_embeddings: CONTEXT,
    }),
  };
};
