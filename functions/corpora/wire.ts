// Corpora and entries in the API's shapes.
import type { CorpusOnWire, EntryOnWire } from '../../wire/api/corpora.ts';
import type { Env } from '../env.ts';
import type { CorpusCounts, CorpusInfo, Entry } from './contract.ts';
import { filterableOf } from './filterable.ts';
import type { Geometry } from './geometry.ts';

const geometryOnWire = ({ sample, meanLength, random, nearest, centred }: Geometry): CorpusOnWire['geometry'] => ({
  sample,
  mean_length: meanLength,
  random: { ...random },
  nearest: { ...nearest },
  centred: centred === undefined ? null : { random: { ...centred.random }, nearest: { ...centred.nearest } },
});

export const corpusOnWire = (env: Env, info: CorpusInfo, counts: CorpusCounts): CorpusOnWire => ({
  object: 'corpus',
  name: info.name,
  examples: counts.examples,
  bytes: counts.bytes,
  stripes: info.stripes,
  dimensions: info.dimensions,
  embedder: info.embedder,
  filterable: filterableOf(env, info),
  chunk: info.chunk === undefined ? null : { ...info.chunk },
  created_at: info.createdAt,
  version: info.version,
  geometry: info.geometry === undefined ? null : geometryOnWire(info.geometry),
});

export const entryOnWire = ({ id, hash, stripe, bytes, long }: Entry): EntryOnWire => ({
  object: 'example',
  id,
  hash,
  bytes,
  stripe,
  long,
});

/** A page of things in the order of their key; the cursor is the last key of the page before. */
export const pageOnWire = <T>(data: readonly T[], limit: number, key: (item: T) => string) => {
  const last = data.at(-1);
  return { object: 'list', data, next_cursor: data.length < limit || last === undefined ? null : key(last) };
};
