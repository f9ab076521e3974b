// What a stopping rule may look at, and what it is judged by: runs of many steps, read as they went.
import { at } from '../../wire/list.ts';
import type { Scored } from '../material/setting.ts';
import type { ModeRow } from '../run/modes.ts';

export interface LongRun {
  readonly prompt: string;
  readonly domain: string;
  /** Steps of the run. */
  readonly steps: number;
  /** Nats per token of each pick before its own step, less those under the base weights; of the first 0. */
  readonly differences: readonly number[];
  /** With the prompt, of each pick. */
  readonly similarities: readonly number[];
  /** σ² after each pick; 1 before the first. */
  readonly variances: readonly number[];
  /** Numbers of steps after which texts were read, from 0. */
  readonly read: readonly number[];
  /** Bits per byte of the base less those after so many steps, a whole number; linear between the readings. */
  gain(steps: number): number;
  /** The same of the prompt's own text, which a server could read. */
  promptGain(steps: number): number;
}

type Curve = readonly (readonly [number, number])[];

/** After each whole number of steps up to the last that was read. */
const everyStep = (curve: Curve): number[] => {
  const values: number[] = [];
  for (const [i, [steps, value]] of curve.entries()) {
    const [before, had] = i === 0 ? [steps, value] : at(curve, i - 1);
    for (let n = before; n <= steps; n++)
      values[n] = n === steps ? value : had + ((n - before) / (steps - before)) * (value - had);
  }
  return values;
};

/** Undefined for a run that was not read from its beginning. */
export const longRunOf = (row: ModeRow): LongRun | undefined => {
  const curve = (text: Scored): Curve => {
    const readings = row.readings.filter((one) => one.text === text && one.context === 0);
    const [first] = readings;
    if (first?.steps !== 0) return [];
    return readings.map(({ steps, bitsPerByte }) => [steps, first.bitsPerByte - bitsPerByte] as const);
  };
  const [continuation, prompt] = [curve('continuation'), curve('prompt')];
  if (continuation.length === 0 || prompt.length === 0) return undefined;
  const [gains, promptGains] = [everyStep(continuation), everyStep(prompt)];
  return {
    prompt: row.prompt,
    domain: row.domain,
    steps: row.losses.length,
    differences: row.losses.map((loss, i) => loss - at(row.baseLosses, i)),
    similarities: row.similarities,
    variances: row.variances,
    read: continuation.map(([steps]) => steps),
    gain: (steps) => at(gains, steps),
    promptGain: (steps) => at(promptGains, steps),
  };
};
