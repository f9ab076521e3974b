// Which of a model's outputs is read, and how one vector is made of those of a text's tokens, as in sentence-transformers.
// Only directions matter: every vector is scaled to length one afterwards, so a mean is a sum.
import type { EmbedderConfig, Pooling } from './config.ts';

const WHOLE = ['sentence_embedding'];
const TOKENS = ['last_hidden_state', 'token_embeddings'];

export interface Output {
  readonly name: string;
  /** built-in where the model has pooled. */
  readonly pooling: Pooling;
}

/** The output to read: the one that was named, else one of tokens to pool here, else the model's own sentence_embedding. */
export const outputOf = ({ output, pooling }: EmbedderConfig, names: readonly string[]): Output | undefined => {
  const first = (known: readonly string[]): string | undefined => known.find((name) => names.includes(name));
  if (output !== undefined) return names.includes(output) ? { name: output, pooling } : undefined;
  const tokens = pooling === 'built-in' ? undefined : first(TOKENS);
  if (tokens !== undefined) return { name: tokens, pooling };
  const whole = first(WHOLE);
  return whole === undefined ? undefined : { name: whole, pooling: 'built-in' };
};

/** What outputOf looks for, for a message. */
export const outputsWanted = ({ output, pooling }: EmbedderConfig): string =>
  (output !== undefined ? [output] : pooling === 'built-in' ? WHOLE : [...TOKENS, ...WHOLE])
    .map((name) => `'${name}'`)
    .join(' or ');

/** One text's vector out of `tokens` × d values, of which the first `own` tokens are its own. */
export const pooled = (
  hidden: Float32Array,
  d: number,
  own: number,
  pooling: Exclude<Pooling, 'built-in'>,
): Float32Array => {
  switch (pooling) {
    case 'cls':
      return hidden.slice(0, d);
    case 'lasttoken':
      return hidden.slice((own - 1) * d, own * d);
    case 'max': {
      const most = hidden.slice(0, d);
      for (let t = 1; t < own; t++)
        for (let i = 0; i < d; i++) most[i] = Math.max(most[i] ?? 0, hidden[t * d + i] ?? 0);
      return most;
    }
    case 'mean':
    case 'mean_sqrt_len_tokens':
    case 'weightedmean': {
      const sum = new Float32Array(d);
      for (let t = 0; t < own; t++) {
        const weight = pooling === 'weightedmean' ? t + 1 : 1;
        for (let i = 0; i < d; i++) sum[i] = (sum[i] ?? 0) + weight * (hidden[t * d + i] ?? 0);
      }
      return sum;
    }
  }
};
