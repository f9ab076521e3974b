// What became of every example and every input, counted; and the refusals, of which the first of each reason are kept to be
// told at the end. All examples are created, updated, unchanged, confirmed before, refused, or left: the counts add up.
import type { PassedOver, Refused } from './found.ts';
import { named } from './found.ts';

export interface Counts {
  files: number;
  passed: number;
  ignored: number;
  /** Ready to be sent. */
  examples: number;
  characters: number;
  created: number;
  updated: number;
  unchanged: number;
  /** Confirmed by the edge in an earlier run, and not sent again. */
  resumed: number;
  /** By the edge, of the examples. */
  refusedByEdge: number;
  /** Before they became examples: lines, pages, whole files. */
  refusedHere: number;
  /** Of which the embedder reads only a beginning. */
  truncated: number;
  deleted: number;
}

export const noCounts = (): Counts => ({
  files: 0,
  passed: 0,
  ignored: 0,
  examples: 0,
  characters: 0,
  created: 0,
  updated: 0,
  unchanged: 0,
  resumed: 0,
  refusedByEdge: 0,
  refusedHere: 0,
  truncated: 0,
  deleted: 0,
});

/** Examples that are neither answered nor known from an earlier run. */
export const left = ({ examples, created, updated, unchanged, resumed, refusedByEdge }: Counts): number =>
  examples - created - updated - unchanged - resumed - refusedByEdge;

/** The commonest reasons, each with its count and the first places of it; numbers in a reason do not make it another. */
export const reasons = (mostReasons = 200, mostPlaces = 3) => {
  const kept = new Map<string, { reason: string; count: number; places: string[] }>();
  let others = 0;
  return {
    add({ place, reason }: Refused | PassedOver): void {
      const kind = reason.replace(/\d+/g, '#');
      const known = kept.get(kind);
      if (known === undefined && kept.size >= mostReasons) {
        others += 1;
        return;
      }
      const entry = known ?? { reason, count: 0, places: [] };
      entry.count += 1;
      if (entry.places.length < mostPlaces) entry.places.push(named(place));
      kept.set(kind, entry);
    },
    sorted() {
      const all = [...kept.values()].sort((a, b) => b.count - a.count);
      return others === 0 ? all : [...all, { reason: 'other reasons', count: others, places: [] }];
    },
  };
};
