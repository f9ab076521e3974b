// How fast a model works on this machine, learnt from the work itself; nothing is assumed before. From it follow two
// bounds: a request that cannot end before the deadline is refused at once, with the numbers; and work that takes many
// times its estimate hangs, and is ended. Both only once enough was measured, and with room for error: a refusal goes by
// the fastest tenth of the latest work, a limit by the slowest.
// The length of a text is known here in characters only, so times are learnt against those (cost.ts): what a tokenizer makes
// of them is in the measured times already. Times fit a line through medians (Theil and Sen), which a graph that is compiled
// now and then does not move. Outside of the lengths that were measured nothing is extrapolated in the caller's disfavour.
import type { Fault } from '../wire/faults.ts';
import {
  PACE_ADVICE,
  PACE_LEAST,
  PACE_LEAST_MS,
  PACE_MARGIN,
  PACE_PATIENCE,
  PACE_REFIT,
  PACE_WINDOW,
} from '../wire/limits.ts';
import { at } from '../wire/list.ts';

/** A request's work as it is known before it begins; lengths in units of cost.ts. */
export interface Outline {
  /** The method, with its rank: what steps of other methods take says nothing. */
  readonly method: string;
  /** The length of each step's text; a step that reuses a gradient is only counted. */
  readonly steps: readonly number[];
  readonly reused: number;
  /** Of each text that is scored, or read before generation. */
  readonly read: readonly number[];
  /** Tokens at most. */
  readonly generated: number;
}

/** The value below which this share of the sorted values lies. */
const quantile = (sorted: readonly number[], share: number): number =>
  at(sorted, Math.min(sorted.length - 1, Math.floor(share * sorted.length)));
const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]): number => quantile(ascending(values), 0.5);

interface Sample {
  readonly units: number;
  readonly ms: number;
}

interface Fit {
  /** Milliseconds of a piece of work; beyond the lengths that were seen, the least and the most that can be expected. */
  least(units: number): number;
  typical(units: number): number;
  most(units: number): number;
}

const fitOf = (samples: readonly Sample[]): Fit => {
  const slopes = samples.flatMap((a, i) =>
    samples.slice(i + 1).flatMap((b) => (a.units === b.units ? [] : [(b.ms - a.ms) / (b.units - a.units)])),
  );
  const slope = slopes.length === 0 ? 0 : Math.max(0, median(slopes));
  const fixed = Math.max(0, median(samples.map(({ units, ms }) => ms - slope * units)));
  const line = (units: number): number => fixed + slope * units;
  const lengths = samples.map(({ units }) => units);
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)];
  const ratios = ascending(samples.map(({ units, ms }) => ms / Math.max(line(units), Number.MIN_VALUE)));
  const typical = (units: number): number =>
    units < shortest ? line(shortest) * (units / shortest) : line(Math.min(units, longest));
  const large = (units: number): number =>
    units > longest ? line(longest) * (units / Math.max(1, longest)) : line(Math.max(units, shortest));
  return {
    typical,
    least: (units) => quantile(ratios, 0.1) * typical(units),
    most: (units) => quantile(ratios, 0.9) * large(units),
  };
};

/**
 * The latest pieces of one kind of work. A line through them is drawn anew once some more have come, since it looks at every
 * pair, or as soon as one took half or twice what it says: the machine has become faster, or slower.
 */
class Kind {
  readonly #samples: Sample[] = [];
  #next = 0;
  #fit: Fit | undefined;
  /** How many had come when the line was drawn. */
  #fitted = 0;
  #surprised = false;

  add(units: number, ms: number): void {
    if (!(Number.isFinite(ms) && ms >= 0)) return;
    this.#samples[this.#next % PACE_WINDOW] = { units, ms };
    this.#next += 1;
    const foreseen = this.#fit?.typical(units) ?? ms;
    if (ms > 2 * foreseen || ms < foreseen / 2) this.#surprised = true;
  }

  /** Undefined while too little was measured. */
  get fit(): Fit | undefined {
    if (this.#samples.length < PACE_LEAST) return undefined;
    if (this.#fit === undefined || this.#surprised || this.#next - this.#fitted >= PACE_REFIT) {
      this.#fit = fitOf(this.#samples);
      this.#fitted = this.#next;
      this.#surprised = false;
    }
    return this.#fit;
  }
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

export class Pace {
  readonly #steps = new Map<string, Kind>();
  readonly #read = new Kind();
  readonly #generated = new Kind();

  step(method: string, units: number, ms: number): void {
    const known = this.#steps.get(method) ?? new Kind();
    this.#steps.set(method, known);
    known.add(units, ms);
  }

  /** A text that was scored, or a prompt up to the first token. */
  read(units: number, ms: number): void {
    this.#read.add(units, ms);
  }

  /** Tokens after the first. */
  generated(tokens: number, ms: number): void {
    this.#generated.add(tokens, ms);
  }

  /** Why the request cannot end in time. Generation may end early, so it is not counted. */
  beyond({ method, steps, read }: Outline, deadlineMs: number): (Fault & { kind: 'beyond_deadline' }) | undefined {
    const step = steps.length === 0 ? undefined : this.#steps.get(method)?.fit;
    const reading = this.#read.fit;
    const least =
      sum(steps.map((units) => step?.least(units) ?? 0)) + sum(read.map((units) => reading?.least(units) ?? 0));
    if (least <= PACE_MARGIN * deadlineMs) return undefined;
    const restMs = sum(read.map((units) => reading?.typical(units) ?? 0));
    const stepMs = step === undefined ? 0 : sum(steps.map(step.typical)) / steps.length;
    const most = stepMs === 0 ? 0 : Math.max(0, Math.floor((PACE_ADVICE * deadlineMs - restMs) / stepMs));
    return { kind: 'beyond_deadline', steps: step === undefined ? 0 : steps.length, stepMs, restMs, deadlineMs, most };
  }

  /** How long the work may take once it has begun: never longer than the deadline. */
  limitMs({ method, steps, reused, read, generated }: Outline, deadlineMs: number): number {
    const step = this.#steps.get(method);
    // a reused gradient saves the pass over the text; no step is longer than one with it
    const lengths = [...steps, ...Array.from({ length: reused }, () => Math.max(...steps))];
    const parts: readonly (readonly [readonly number[], Kind | undefined])[] = [
      [lengths, step],
      [read, this.#read],
      [generated > 0 ? [generated] : [], this.#generated],
    ];
    let ms = 0;
    for (const [units, kind] of parts) {
      if (units.length === 0) continue;
      const fit = kind?.fit;
      if (fit === undefined) return deadlineMs;
      ms += sum(units.map(fit.most));
    }
    return Math.min(deadlineMs, Math.max(PACE_LEAST_MS, PACE_PATIENCE * ms));
  }
}
