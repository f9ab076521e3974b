// The benchmark's inputs: seeded, the same in Node, in workerd and (through a file) in native code, since how often
// a pick repeats decides how many sweeps a selection costs.
import { seededRandom } from '../../wire/random.ts';

export interface Shape {
  readonly K: number;
  readonly d: number;
}

export const PICKS = 50;
export const LAMBDA = 0.01;

/** How the prompt's neighbourhood looks: a candidate is `SHARED`·prompt + noise, then made unit. */
const SHARED = 0.8;

const unit = (row: Float32Array): void => {
  let sum = 0;
  for (const value of row) sum += value * value;
  const scale = 1 / Math.sqrt(sum);
  for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) * scale;
};

/** A prompt, and K unit rows around it, as a search's answers lie. */
export const makeInputs = ({ K, d }: Shape): { rows: Float32Array; query: Float32Array } => {
  const uniform = seededRandom(K * 10_007 + d);
  const next = (): number => uniform() - 0.5;
  const query = new Float32Array(d).map(next);
  unit(query);
  const rows = new Float32Array(K * d);
  const noise = Math.sqrt(12 / d); // makes a noise vector about as long as the prompt
  for (let x = 0; x < K; x++) {
    const row = rows.subarray(x * d, (x + 1) * d);
    for (let i = 0; i < d; i++) row[i] = SHARED * (query[i] ?? 0) + noise * next();
    unit(row);
  }
  return { rows, query };
};
