// The best plain JavaScript form: the kernel's algorithm over typed arrays, rows taken four at a time so that each
// value of the pick is loaded once for four products. What a project without WASM would run. Each sweep goes over all
// rows, also those of earlier picks, which the kernel leaves out.
export interface Plain {
  readonly rows: Float32Array;
  readonly query: Float32Array;
  readonly d: number;
  readonly picks: number;
  readonly lambda: number;
}

/** out[x] = row_x · s. */
const sweep = (rows: Float32Array, s: Float32Array, out: Float64Array, d: number): void => {
  const K = out.length;
  let x = 0;
  for (; x + 4 <= K; x += 4) {
    const p0 = x * d;
    const p1 = p0 + d;
    const p2 = p1 + d;
    const p3 = p2 + d;
    let a = 0;
    let b = 0;
    let c = 0;
    let e = 0;
    for (let i = 0; i < d; i++) {
      // the casts cost nothing: an index in range is never undefined, and `?? 0` here would be measured
      const u = s[i] as number;
      a += u * (rows[p0 + i] as number);
      b += u * (rows[p1 + i] as number);
      c += u * (rows[p2 + i] as number);
      e += u * (rows[p3 + i] as number);
    }
    out[x] = a;
    out[x + 1] = b;
    out[x + 2] = c;
    out[x + 3] = e;
  }
  for (; x < K; x++) {
    let a = 0;
    for (let i = 0; i < d; i++) a += (s[i] as number) * (rows[x * d + i] as number);
    out[x] = a;
  }
};

export const selectPlain = ({ rows, query, d, picks, lambda }: Plain): number[] => {
  const K = rows.length / d;
  const c = new Float64Array(K);
  sweep(rows, query, c, d);
  const v = new Float64Array(K);
  for (let x = 0; x < K; x++) {
    let sum = 0;
    for (let i = x * d; i < (x + 1) * d; i++) sum += (rows[i] as number) * (rows[i] as number);
    v[x] = sum;
  }
  const L: Float64Array[] = [];
  const gram = new Map<number, Float64Array>();
  const chosen: number[] = [];
  for (let n = 0; n < picks; n++) {
    let s = -1;
    let best = 0;
    for (let x = 0; x < K; x++) {
      const score = ((c[x] as number) * (c[x] as number)) / ((v[x] as number) + lambda);
      if (score > best) {
        best = score;
        s = x;
      }
    }
    if (s < 0) break;
    chosen.push(s);
    let products = gram.get(s);
    if (products === undefined) {
      products = new Float64Array(K);
      sweep(rows, rows.subarray(s * d, (s + 1) * d), products, d);
      gram.set(s, products);
    }
    const l = products.slice();
    for (const earlier of L) {
      const w = earlier[s] as number;
      for (let x = 0; x < K; x++) l[x] = (l[x] as number) - w * (earlier[x] as number);
    }
    const scale = 1 / Math.sqrt((v[s] as number) + lambda);
    const y = (c[s] as number) * scale;
    for (let x = 0; x < K; x++) {
      const value = (l[x] as number) * scale;
      l[x] = value;
      c[x] = (c[x] as number) - value * y;
      v[x] = Math.max((v[x] as number) - value * value, 0);
    }
    L.push(l);
  }
  return chosen;
};
