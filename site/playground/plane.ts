// Vectors as the map shows them: how alike two are, and the direction, at right angles to the prompt, along which the
// examples differ most.

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};

/** 0 beside a vector of length 0. */
export const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths === 0 ? 0 : dot(a, b) / lengths;
};

const PASSES = 100;

/**
 * Each vector's place along the first principal direction of what is left of them without the prompt's direction, from their
 * mean. The first vector's place is never negative, so that the same selection is drawn the same way twice.
 */
export const heights = (prompt: ArrayLike<number>, vectors: readonly ArrayLike<number>[]): number[] => {
  const squared = dot(prompt, prompt) || 1;
  const across = vectors.map((vector) => {
    const along = dot(vector, prompt) / squared;
    return Float64Array.from(vector, (value, i) => value - along * (prompt[i] ?? 0));
  });
  const mean = Float64Array.from(prompt, (_, i) => across.reduce((sum, one) => sum + (one[i] ?? 0), 0) / across.length);
  const rests = across.map((one) => one.map((value, i) => value - (mean[i] ?? 0)));
  // the Gram matrix is smaller than the covariance: there are fewer texts than dimensions
  const gram = rests.map((a) => rests.map((b) => dot(a, b)));
  let direction = rests.map((_, i) => 1 + i / 7);
  for (let pass = 0; pass < PASSES; pass++) {
    const next = gram.map((row) => dot(row, direction));
    const length = Math.sqrt(dot(next, next));
    if (length === 0) return vectors.map(() => 0);
    direction = next.map((value) => value / length);
  }
  const places = gram.map((row) => dot(row, direction));
  const scale = Math.sqrt(Math.max(dot(direction, places), 0)) || 1;
  const sign = (places[0] ?? 0) < 0 ? -1 : 1;
  return places.map((place) => (sign * place) / scale);
};

export interface Likeness {
  readonly id: string;
  readonly cosine: number;
}

/** The one of these most like it. */
export const mostLike = (
  vector: ArrayLike<number> | undefined,
  others: readonly { readonly id: string; readonly vector: ArrayLike<number> | undefined }[],
): Likeness | undefined => {
  if (vector === undefined) return undefined;
  let best: Likeness | undefined;
  for (const other of others) {
    if (other.vector === undefined) continue;
    const likeness = cosine(vector, other.vector);
    if (best === undefined || likeness > best.cosine) best = { id: other.id, cosine: likeness };
  }
  return best;
};
