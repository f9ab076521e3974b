// Which picks the strategies share, and why the nearest neighbours that SIFT left were left.
import type { Compared, Pick } from './compare.ts';
import { type Likeness, mostLike } from './plane.ts';

export type Marked = 'only' | 'shared';

export interface Row {
  readonly pick: Pick;
  readonly place: number;
  /** Whether only this strategy took it, among SIFT and this one; undefined while that is not known. */
  readonly marked: Marked | undefined;
  /** The pick that it repeats most, and how much: of SIFT an earlier one, of the others any of SIFT's. */
  readonly like: (Likeness & { readonly place: number }) | undefined;
}

export interface Differences {
  readonly sift: readonly Row[];
  readonly nn: readonly Row[];
  readonly mmr: readonly Row[];
}

export const differencesOf = ({ sift, nn, mmr, vectors }: Compared): Differences => {
  const placed = sift.picks.map(({ id }, i) => ({ id, place: i + 1, vector: vectors?.get(id) }));
  const likeAmong = (pick: Pick, among: typeof placed): Row['like'] => {
    const best = mostLike(
      vectors?.get(pick.id),
      among.filter(({ id }) => id !== pick.id),
    );
    const place = among.find(({ id }) => id === best?.id)?.place;
    return best === undefined || place === undefined ? undefined : { ...best, place };
  };
  const of = (picks: readonly Pick[], others: readonly Pick[] | undefined, earlierOnly: boolean): Row[] => {
    const shared = others === undefined ? undefined : new Set(others.map(({ id }) => id));
    return picks.map((pick, i) => ({
      pick,
      place: i + 1,
      marked: shared === undefined ? undefined : shared.has(pick.id) ? 'shared' : 'only',
      like: likeAmong(pick, earlierOnly ? placed.slice(0, i) : placed),
    }));
  };
  return { sift: of(sift.picks, nn, true), nn: of(nn ?? [], sift.picks, false), mmr: of(mmr ?? [], sift.picks, false) };
};

/** Only what is whole is 100. */
export const percent = (share: number | null | undefined): string => {
  if (share == null) return 'nothing';
  const of100 = 100 * share;
  const rounded =
    of100 >= 99.5 && of100 < 100 ? Math.floor(10 * of100) / 10 : Number(of100.toFixed(of100 < 10 ? 1 : 0));
  return `${rounded}\u00a0%`;
};

/** A likeness from which a candidate is called a repetition, in words only: the kernel knows no threshold. */
const REPEATS = 0.8;

/** The view in a sentence or two, for everybody who has never heard of SIFT. */
export const inWords = (compared: Compared): string => {
  const { sift, nn, mmr } = compared;
  if (sift.picks.length === 0) return 'Nothing was picked: no example of this corpus is a candidate for the prompt.';
  const explained = (picks: readonly Pick[] | undefined) => percent(picks?.at(-1)?.explained);
  const own = `SIFT’s ${sift.picks.length} picks explain ${percent(sift.explained)} of what this pool can say about the prompt`;
  if (nn === undefined || mmr === undefined) return `${own}.`;
  const left = differencesOf(compared).nn.filter(({ marked }) => marked === 'only');
  const repeated = left.filter(({ like }) => like !== undefined && like.cosine >= REPEATS).length;
  const sameOrder = nn.every(({ id }, i) => id === sift.picks[i]?.id);
  const repeating =
    repeated === 0
      ? ''
      : `; ${repeated < left.length ? repeated : repeated === 2 ? 'both' : 'all'} of these repeat a pick`;
  const passed =
    left.length === 0
      ? `SIFT and nearest neighbours took the same examples${sameOrder ? '' : ', in another order'}.`
      : `It passed over ${left.length} of the ${nn.length} nearest${left.length === 1 && repeated === 1 ? ', which repeats a pick' : repeating}.`;
  return `${own}; the nearest neighbours ${explained(nn)}, MMR ${explained(mmr)}. ${passed}`;
};
