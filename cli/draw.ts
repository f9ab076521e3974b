// Which documents the demonstration is about: drawn by a fixed seed before anything is measured, of different kinds.
// A kind is a package (or a directory) and a type of file. Drawn documents and their near copies are left out of every
// selection by a filter on their source, so that the index stays whole; what does not fit into a filter is not drawn.
import type { Document } from '../corpus/documents.ts';
import { twinsOf } from '../corpus/twins.ts';
import { DEMO_DOCUMENTS, VECTORIZE_MAX_FILTER_BYTES } from '../wire/limits.ts';
import { at } from '../wire/list.ts';
import { seededRandom } from '../wire/random.ts';
import { byteLength } from '../wire/text.ts';

const SEED = 1;
/** For calibrations and probes: other documents, but for chance. */
export const CALIBRATION_SEED = 2;
/** Characters of a document worth showing: enough to be cut in two, and no book. */
const FAIR = { least: 1_000, most: 20_000 };
/** Of a small corpus no more than this share is left out, or there is nothing left to learn from. */
const MOST_LEFT_OUT = 0.25;
/** Documents whose near copies are looked for at once. */
const LOOK_AHEAD = 12;

/** What a selection is told, so that it takes nothing from these sources. */
export const withoutSources = (sources: readonly string[]): { filter?: { source: { $nin: readonly string[] } } } =>
  sources.length === 0 ? {} : { filter: { source: { $nin: sources } } };

const fits = (sources: readonly string[]): boolean =>
  byteLength(JSON.stringify(withoutSources(sources).filter)) < VECTORIZE_MAX_FILTER_BYTES;

const topOf = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
const typeOf = (path: string): string => /(\.d)?\.[^./]+$/.exec(path)?.[0].toLowerCase() ?? '';

const shuffled = <T>(list: readonly T[], seed: number): T[] => {
  const random = seededRandom(seed);
  const mixed = [...list];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [at(mixed, j), at(mixed, i)];
  }
  return mixed;
};

/** In the order of preference: first one of each package and type in turn, then one of each package, then any. */
const byKind = (documents: readonly Document[]): Document[] => {
  const types = new Map<string, number>();
  const seen = new Set<string>();
  const rounds: [Document[], Document[], Document[]] = [[], [], []];
  for (const document of documents) {
    const top = topOf(document.path);
    const type = typeOf(document.path);
    const drawn = types.get(type) ?? 0;
    const isRare = drawn <= Math.min(...(types.size === 0 ? [0] : types.values()));
    if (!seen.has(top) && isRare) {
      rounds[0].push(document);
      seen.add(top);
      types.set(type, drawn + 1);
    } else if (!seen.has(top)) rounds[1].push(document);
    else rounds[2].push(document);
  }
  return rounds.flat();
};

export interface Drawn {
  readonly documents: readonly Document[];
  /** Sources of the drawn documents and of their near copies. */
  readonly leftOut: readonly string[];
}

/** None when the corpus is too small to be without one. */
export const drawDocuments = (documents: readonly Document[], most = DEMO_DOCUMENTS, seed = SEED): Drawn => {
  const count = Math.min(most, Math.max(1, Math.floor(MOST_LEFT_OUT * documents.length)));
  const fair = documents.filter(({ text }) => text.length >= FAIR.least && text.length <= FAIR.most);
  const sorted = (fair.length > 0 ? fair : documents).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const ordered = byKind(shuffled(sorted, seed));
  const drawn: Document[] = [];
  let leftOut: string[] = [];
  let twins: string[][] = [];
  for (const [i, document] of ordered.entries()) {
    if (drawn.length === count) break;
    // near copies of some at once: each look goes through the whole corpus
    const ahead = ordered.slice(i, i + LOOK_AHEAD);
    if (i % LOOK_AHEAD === 0)
      twins = twinsOf(
        ahead.map(({ text }) => text),
        documents,
      );
    if (leftOut.includes(document.path)) continue;
    const together = [...new Set([...leftOut, document.path, ...at(twins, i % LOOK_AHEAD)])];
    const isTooMuch = together.length > Math.max(1, 2 * MOST_LEFT_OUT * documents.length);
    if (together.length === documents.length || isTooMuch || !fits(together)) continue;
    drawn.push(document);
    leftOut = together;
  }
  return { documents: drawn, leftOut };
};
