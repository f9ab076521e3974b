// Where on earth something is, in nine regions by the names that Cloudflare's location hints have, and which of them are
// near to which: by the great circle between one point of each. Pure.
// Trade-off: distance is not delay. It needs no measurement and is the same everywhere; cables may take another way.

/** A point that stands for each region: latitude and longitude in degrees. */
const POINTS = {
  /** San José, California */
  wnam: [37.34, -121.89],
  /** Ashburn, Virginia */
  enam: [39.04, -77.49],
  /** São Paulo */
  sam: [-23.55, -46.63],
  /** Paris */
  weur: [48.86, 2.35],
  /** Warsaw */
  eeur: [52.23, 21.01],
  /** Singapore */
  apac: [1.35, 103.82],
  /** Sydney */
  oc: [-33.87, 151.21],
  /** Nairobi */
  afr: [-1.29, 36.82],
  /** Dubai */
  me: [25.2, 55.27],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

export type Region = keyof typeof POINTS;
export const REGIONS = Object.keys(POINTS) as readonly Region[];

const EARTH_RADIUS_KM = 6371;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Kilometres along the great circle between the points of two regions, to the nearest ten. */
export const distanceKm = (a: Region, b: Region): number => {
  const [latA, lonA] = POINTS[a];
  const [latB, lonB] = POINTS[b];
  // haversine
  const h =
    Math.sin(radians(latB - latA) / 2) ** 2 +
    Math.cos(radians(latA)) * Math.cos(radians(latB)) * Math.sin(radians(lonB - lonA) / 2) ** 2;
  return 10 * Math.round((2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(h))) / 10);
};

/** What Cloudflare says of where a request came from (`request.cf`), as far as it is looked at; all of it may be absent. */
export interface Whereabouts {
  readonly continent?: unknown;
  /** Degrees, as a text. */
  readonly longitude?: unknown;
}

/** Continents of two regions: the western one, the eastern one, the longitude between them, and which it is without one. */
const SPLIT: Readonly<Record<string, readonly [west: Region, east: Region, at: number, otherwise: Region]>> = {
  NA: ['wnam', 'enam', -100, 'enam'],
  EU: ['weur', 'eeur', 15, 'weur'],
  AS: ['me', 'apac', 60, 'apac'],
};
const WHOLE: Readonly<Record<string, Region>> = { SA: 'sam', AF: 'afr', OC: 'oc', AN: 'sam' };

const degrees = (value: unknown): number | undefined => {
  const number = typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : NaN;
  return Math.abs(number) <= 180 ? number : undefined;
};

/** The region of a caller; undefined where nobody knows (Tor, or no `cf` at all). */
export const regionOf = (cf: Whereabouts | undefined): Region | undefined => {
  const continent = cf?.continent;
  if (typeof continent !== 'string') return undefined;
  const split = Object.hasOwn(SPLIT, continent) ? SPLIT[continent] : undefined;
  if (split === undefined) return Object.hasOwn(WHOLE, continent) ? WHOLE[continent] : undefined;
  const [west, east, border, otherwise] = split;
  const longitude = degrees(cf?.longitude);
  if (longitude === undefined) return otherwise;
  // beyond 170° east or west a continent goes round: the Aleutians, Chukotka
  if (continent === 'NA' && longitude > 0) return west;
  if (continent !== 'NA' && longitude < -100) return east;
  return longitude < border ? west : east;
};
