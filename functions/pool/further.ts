// Where to ask when an index that answers fifty at a time was asked with the prompt, and more candidates are wanted: around
// those it brought. Neighbours of neighbours are what graph indexes search by; of the fifty nearest to the prompt that were
// not asked around yet, a few are taken at even distances, since the nearest share most of their neighbours.
// Where they bring nothing new, a direction both ways that knows nothing of them shows what lies elsewhere.
// Trade-off: the nearest beyond the first fifty are approached, and not proven to be found: on real
// text four fifths of the hundred nearest, three fifths of the two hundred nearest (test/edge/starter.slow.test.ts).
import { VECTORIZE_TOP_K_FULL } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { fromQ15 } from '../kernel/q15.ts';
import { dot, normalise } from '../vectors/algebra.ts';
import type { Collected } from './collapse.ts';

export class Further {
  readonly #prompts: readonly Float32Array[];
  readonly #used = new Set<string>();
  #round = 0;

  constructor(prompts: readonly Float32Array[]) {
    this.#prompts = prompts;
  }

  /** At most `most` unit vectors; with `elsewhere` two of them are the random ones. */
  next(collected: readonly Collected[], most: number, elsewhere: boolean): Float32Array[] {
    this.#round += 1;
    const beyond = elsewhere ? this.#random() : [];
    const around = this.#spread(collected, Math.max(0, most - beyond.length));
    return [...around, ...beyond];
  }

  #spread(collected: readonly Collected[], count: number): Float32Array[] {
    const likeness = (row: Int16Array): number => this.#prompts.reduce((sum, prompt) => sum + dot(row, prompt), 0);
    const nearest = collected
      .map(({ candidate }) => candidate)
      // less the mean, an example at the mean itself has no direction
      .filter(({ key, row }) => !this.#used.has(key) && row.some((value) => value !== 0))
      .map((candidate) => ({ candidate, own: likeness(candidate.row) }))
      .sort((a, b) => b.own - a.own)
      .slice(0, VECTORIZE_TOP_K_FULL);
    const taken = Array.from({ length: Math.min(count, nearest.length) }, (_, i) =>
      at(nearest, Math.floor(((i + 0.5) * nearest.length) / Math.min(count, nearest.length))),
    );
    return taken.map(({ candidate: { key, row } }) => {
      this.#used.add(key);
      return normalise(fromQ15(row));
    });
  }

  /** Another one each round, and the same for the same round. */
  #random(): Float32Array[] {
    const next = seededRandom(this.#round);
    const direction = normalise(Float32Array.from(at(this.#prompts, 0), () => next() - 0.5));
    return [direction, direction.map((value) => -value)];
  }
}
