// Rotary positions as transformers 5 computes them from config.json: which of the keys counts, the frequencies of each
// kind of scaling, and the factor on cosine and sine. In float32 at every step, as torch does: at position 4,000 the
// rounding of a frequency is already an angle of 1e-4.
import { z } from 'zod';

export interface Rotation {
  /** Radians a position, one for each rotated pair of a head's dimensions. */
  readonly frequencies: readonly number[];
  /** Multiplies cosine and sine. */
  readonly scale: number;
  /** Positions for which these frequencies hold; beyond, transformers takes others. */
  readonly limit: number;
}

const number = z.number().positive();
const factors = z.array(number);
export const ropeSchema = z.object({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: number.nullish(),
  partial_rotary_factor: number.nullish(),
  factor: number.nullish(),
  original_max_position_embeddings: number.nullish(),
  attention_factor: number.nullish(),
  beta_fast: number.nullish(),
  beta_slow: number.nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
  low_freq_factor: number.nullish(),
  high_freq_factor: number.nullish(),
  short_factor: factors.nullish(),
  long_factor: factors.nullish(),
});
export type RopeParameters = z.output<typeof ropeSchema>;

/** What the scalings need beside their own parameters. */
export interface RopeContext {
  readonly headSize: number;
  readonly theta: number;
  /** Part of a head that is rotated. */
  readonly part: number;
  /** max_position_embeddings. */
  readonly positions: number;
  /** Positions of pretraining. */
  readonly original: number;
  /** Throws; says what is wrong. */
  readonly wrong: (what: string) => never;
}

const f32 = Math.fround;

/** θ^(2i/d) for each pair i, in float32. */
const periods = (theta: number, dimensions: number): number[] =>
  Array.from({ length: dimensions / 2 }, (_, i) => f32(theta ** f32((2 * i) / dimensions)));

const llama3 = (inverse: number, factor: number, low: number, high: number, original: number): number => {
  const wavelength = (2 * Math.PI) / inverse;
  if (wavelength > original / low) return inverse / factor;
  if (wavelength < original / high) return inverse;
  const smooth = (original / wavelength - low) / (high - low);
  return ((1 - smooth) * inverse) / factor + smooth * inverse;
};

/** The part of each pair that keeps its own frequency, from 1 (fast pairs) down to 0 (slow ones). */
const yarnShares = (rope: RopeParameters, dimensions: number, { theta, original }: RopeContext): number[] => {
  const pairOf = (rotations: number): number =>
    (dimensions * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairOf(rope.beta_fast ?? 32), pairOf(rope.beta_slow ?? 1)];
  const truncate = rope.truncate ?? true;
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, dimensions - 1);
  const width = low === high ? 0.001 : high - low;
  return Array.from({ length: dimensions / 2 }, (_, i) => 1 - Math.min(1, Math.max(0, (i - low) / width)));
};

const yarnScale = (rope: RopeParameters, factor: number): number => {
  const scale = (by: number): number => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  if (rope.attention_factor !== null && rope.attention_factor !== undefined) return rope.attention_factor;
  return rope.mscale && rope.mscale_all_dim ? scale(rope.mscale) / scale(rope.mscale_all_dim) : scale(1);
};

export const rotation = (rope: RopeParameters, context: RopeContext): Rotation => {
  const { headSize, theta, part, positions, original, wrong } = context;
  const kind = rope.rope_type ?? rope.type ?? 'default';
  const dimensions = Math.trunc(headSize * part);
  if (dimensions < 2 || dimensions % 2 !== 0) wrong(`${dimensions} dimensions of a head cannot be rotated`);
  const needed = <K extends keyof RopeParameters>(key: K): NonNullable<RopeParameters[K]> =>
    rope[key] ?? wrong(`rope scaling '${kind}' needs ${key}`);
  const inverse = periods(theta, dimensions).map((period) => f32(1 / period));
  const plain = { scale: 1, limit: positions };
  switch (kind) {
    case 'default':
    case 'dynamic': // changes only beyond max_position_embeddings, where nothing is served
      return { ...plain, frequencies: inverse };
    case 'linear': {
      const factor = needed('factor');
      return { ...plain, frequencies: inverse.map((frequency) => f32(frequency / factor)) };
    }
    case 'llama3': {
      const [factor, low, high] = [needed('factor'), needed('low_freq_factor'), needed('high_freq_factor')];
      return { ...plain, frequencies: inverse.map((frequency) => f32(llama3(frequency, factor, low, high, original))) };
    }
    case 'yarn': {
      const factor = needed('factor');
      const shares = yarnShares(rope, dimensions, context);
      const frequencies = inverse.map((frequency, i) => {
        const share = shares[i] as number; // one for each pair
        return f32((frequency / factor) * (1 - share) + frequency * share);
      });
      return { frequencies, scale: yarnScale(rope, factor), limit: positions };
    }
    case 'longrope': {
      const short = needed('short_factor');
      if (short.length !== inverse.length) {
        wrong(`short_factor has ${short.length} numbers for ${inverse.length} pairs of dimensions`);
      }
      const factor = rope.factor ?? positions / original;
      const scale = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
      const bases = periods(theta, dimensions);
      return {
        frequencies: bases.map((period, i) => f32(1 / f32((short[i] as number) * period))), // of equal length
        scale: rope.attention_factor ?? scale,
        limit: original,
      };
    }
    default:
      return wrong(`rope scaling '${kind}' is not supported`);
  }
};
