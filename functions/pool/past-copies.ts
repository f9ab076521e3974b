// Where to ask next when copies fill every answer: directions in which the copies score (almost) nothing.
//   d = x − UUᵀx      a direction without the copies' own (U: an orthonormal basis of the candidates that have copies)
//   w = d/‖d‖ + τ·q   leant back towards the prompt q by the tilt τ; a copy u scores τ·(q·u) only
// With x = q this is the prompt's residual for a small λ: r = q⊥ + λ/(1+λ)·(q·u)·u. Where the prompt itself is the copied
// vector nothing is left of it, so a random direction begins, and the nearest of what it brings are the next x.
// Trade-off: ranks by w, not by q; the nearest candidates are approached from round to round, and not proven to be found.
import { MAX_CONNECTIONS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { dot, normalise, squaredNorm } from '../vectors/algebra.ts';
import type { Collected } from './collapse.ts';

const ONE = 32767;

/** A direction with less of a unit vector left in it than this is rounding, or the copies' own small differences. */
const LEAST_LEFT = 0.05;

/** Tilts of the first round along d, and along −d where negative; the most useful first. */
const FIRST_TILTS: readonly { readonly side: 1 | -1; readonly tilt: number }[] = [
  { side: 1, tilt: 1 / 4 },
  { side: 1, tilt: 0 },
  { side: -1, tilt: 1 / 8 },
  { side: 1, tilt: 1 },
  { side: 1, tilt: 1 / 8 },
  { side: -1, tilt: 0 },
];

/** The tilt towards a prompt that is no nearer to the copies than to the candidate. */
const MOST_TILT = 4;

const floats = (row: Int16Array): Float32Array => Float32Array.from(row, (value) => value / ONE);

/** The vector without its part in the span of an orthonormal basis. */
const without = (vector: Float32Array, basis: readonly Float32Array[]): Float32Array => {
  const left = vector.slice();
  for (const axis of basis) {
    const along = dot(left, axis);
    for (let i = 0; i < left.length; i++) left[i] = (left[i] ?? 0) - along * (axis[i] ?? 0);
  }
  return left;
};

const leanedOn = (direction: Float32Array, side: 1 | -1, tilt: number, prompt: Float32Array): Float32Array =>
  normalise(direction.map((value, i) => side * value + tilt * (prompt[i] ?? 0)));

/** Takes turns: the first of every list, then the second of every list, and so on. */
const interleaved = <T>(lists: readonly (readonly T[])[]): T[] => {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
};

/** The vectors to ask with, round after round. */
export class PastCopies {
  readonly #prompts: readonly Float32Array[];
  readonly #used = new Set<string>();
  #round = 0;

  constructor(prompts: readonly Float32Array[]) {
    this.#prompts = prompts;
  }

  /** Unit vectors for one more round: as many as there are connections, or prompts if those are more. */
  next(collected: readonly Collected[]): Float32Array[] {
    this.#round += 1;
    const obstacles = collected.filter(({ copies }) => copies > 0).sort((a, b) => b.copies - a.copies);
    const basis: Float32Array[] = [];
    for (const { candidate } of obstacles) {
      const left = without(floats(candidate.row), basis);
      if (squaredNorm(left) > LEAST_LEFT ** 2) basis.push(normalise(left));
    }
    const most = Math.max(MAX_CONNECTIONS, this.#prompts.length);
    if (this.#round === 1) return interleaved(this.#prompts.map((prompt) => this.#first(prompt, basis))).slice(0, most);
    const around = interleaved(this.#prompts.map((prompt) => this.#around(prompt, collected, obstacles, basis)));
    // one direction both ways that nothing found so far has a part in: shows what lies elsewhere
    const elsewhere = this.#random(basis);
    const both = elsewhere === undefined ? [] : [elsewhere, elsewhere.map((value) => -value)];
    return [...around.slice(0, most - both.length), ...both];
  }

  #first(prompt: Float32Array, basis: readonly Float32Array[]): Float32Array[] {
    const left = without(prompt, basis);
    const direction = squaredNorm(left) > LEAST_LEFT ** 2 ? normalise(left) : this.#random(basis);
    if (direction === undefined) return [];
    return FIRST_TILTS.map(({ side, tilt }) => leanedOn(direction, side, tilt, prompt));
  }

  /** Around the candidates nearest to the prompt that were not asked around yet. */
  #around(
    prompt: Float32Array,
    collected: readonly Collected[],
    obstacles: readonly Collected[],
    basis: readonly Float32Array[],
  ): Float32Array[] {
    const similarity = ({ candidate }: Collected): number => dot(prompt, candidate.row) / ONE;
    const copied = Math.max(...obstacles.map(similarity));
    const nearest = collected
      .filter(({ candidate, copies }) => copies === 0 && !this.#used.has(candidate.key))
      .map((one) => ({ one, own: similarity(one) }))
      .sort((a, b) => b.own - a.own)
      .slice(0, MAX_CONNECTIONS);
    return nearest.flatMap(({ one: { candidate }, own }) => {
      const left = without(floats(candidate.row), basis);
      const length = Math.sqrt(squaredNorm(left));
      this.#used.add(candidate.key);
      if (!(length > LEAST_LEFT)) return [];
      // the candidate scores length + τ·own, a copy τ·copied: half the τ at which they are level
      const level = own < copied ? length / (copied - own) : Number.POSITIVE_INFINITY;
      return [leanedOn(normalise(left), 1, Math.min(level / 2, MOST_TILT), prompt)];
    });
  }

  /** A direction without the copies' own, another one each round and the same for the same round. */
  #random(basis: readonly Float32Array[]): Float32Array | undefined {
    const next = seededRandom(this.#round);
    const left = without(normalise(Float32Array.from(at(this.#prompts, 0), () => next() - 0.5)), basis);
    return squaredNorm(left) > LEAST_LEFT ** 2 ? normalise(left) : undefined;
  }
}
