// The next token from a vector of finite logits: temperature, then top-k, then top-p, then a draw from a seeded generator.
// Only the candidates are sorted, never the vocabulary: a histogram of the logits tells how far down they can reach. What
// is drawn is what sorting everything would draw. A distribution so flat that most tokens are candidates is sorted whole.
import type { Sampling } from '../contract.ts';

type Shape = Pick<Sampling, 'temperature' | 'topK' | 'topP'>;

const argmax = (logits: Float32Array): number => {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return best;
};

const lowestOf = (logits: Float32Array): number => {
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if ((logits[i] as number) < lowest) lowest = logits[i] as number;
  return lowest;
};

const sumOf = (values: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
};

/** Enough that the bucket in which the candidates end holds few others. */
const BUCKETS = 1_024;

/** Ids from the highest logit down, ties by id: at least the first `count`, or as many as weigh `mass` together. */
const highestIds = (logits: Float32Array, weights: Float64Array, highest: number, count: number, mass: number) => {
  const scale = (BUCKETS - 1) / (highest - lowestOf(logits)); // infinite where all are equal: NaN | 0 is bucket 0
  const bucket = (id: number): number => ((highest - (logits[id] as number)) * scale) | 0;
  const counts = new Uint32Array(BUCKETS);
  const masses = new Float64Array(BUCKETS);
  for (let id = 0; id < logits.length; id++) {
    const b = bucket(id);
    counts[b] = (counts[b] as number) + 1;
    masses[b] = (masses[b] as number) + (weights[id] as number);
  }
  let [last, inside, reached] = [-1, 0, 0];
  while (last < BUCKETS - 1 && (inside < count || reached < mass)) {
    last += 1;
    inside += counts[last] as number;
    reached += masses[last] as number;
  }
  const ids = new Uint32Array(inside);
  for (let id = 0, at = 0; id < logits.length; id++) if (bucket(id) <= last) ids[at++] = id;
  return ids.sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
};

/** The smallest beginning of `ids` that weighs `mass`, never empty; undefined where all of them weigh less. */
const beginning = (ids: Uint32Array, weights: Float64Array, mass: number): Uint32Array | undefined => {
  let reached = 0;
  for (let i = 0; i < ids.length; i++) {
    reached += weights[ids[i] as number] as number;
    if (reached >= mass) return ids.subarray(0, i + 1);
  }
  return undefined;
};

/** What top-k and top-p leave, from the highest logit down; all ids in their own order where they leave everything. */
const candidates = (logits: Float32Array, weights: Float64Array, highest: number, { topK, topP }: Shape) => {
  const { length } = logits;
  if (topK > 0 && topK < length) {
    const ids = highestIds(logits, weights, highest, topK, 0).subarray(0, topK);
    if (topP >= 1) return ids;
    let total = 0;
    for (const id of ids) total += weights[id] as number;
    return beginning(ids, weights, topP * total) ?? ids;
  }
  if (topP >= 1) {
    const all = new Uint32Array(length);
    for (let id = 0; id < length; id++) all[id] = id;
    return all;
  }
  const mass = topP * sumOf(weights);
  // sums in two orders differ in their last digits, so that what seemed to weigh enough may not
  return (
    beginning(highestIds(logits, weights, highest, 1, mass), weights, mass) ??
    highestIds(logits, weights, highest, length, 0)
  );
};

export const sample = (logits: Float32Array, shape: Shape, random: () => number): number => {
  const top = argmax(logits);
  const { temperature } = shape;
  if (temperature === 0) return top;
  const highest = logits[top] as number;
  const weights = new Float64Array(logits.length);
  for (let i = 0; i < weights.length; i++) weights[i] = Math.exp(((logits[i] as number) - highest) / temperature);
  const ids = candidates(logits, weights, highest, shape);
  let total = 0;
  for (let i = 0; i < ids.length; i++) total += weights[ids[i] as number] as number;
  let rest = random() * total;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    rest -= weights[id] as number;
    if (rest < 0) return id;
  }
  return top;
};
