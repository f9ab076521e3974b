// A corpus in lines for people.
import type { CorpusOnWire } from '../../wire/api/corpora.ts';

const size = (bytes: number): string =>
  bytes < 10_000
    ? `${bytes} bytes`
    : bytes < 10_000_000
      ? `${(bytes / 1e3).toFixed(0)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`;

export const corpusLines = (corpus: CorpusOnWire): string[] => {
  const { name, examples, bytes, stripes, dimensions, embedder, filterable, chunk, created_at, geometry } = corpus;
  const filters = Object.entries(filterable).map(([property, type]) => `meta.${property} (${type})`);
  const rows: [string, string][] = [
    ['examples', `${examples}, ${size(bytes)} of text`],
    ['embedder', `${embedder}, ${dimensions} dimensions`],
    ['filters', ['source (string)', ...filters].join(', ')],
    [
      'cut',
      chunk === null
        ? 'not, unless an upload says so'
        : `into ${chunk.size} characters, overlap ${chunk.overlap ?? 'as is usual'}`,
    ],
    ['stripes', String(stripes)],
    ['made', created_at],
  ];
  if (geometry !== null) {
    const { random, nearest } = geometry.centred ?? geometry;
    const told = geometry.centred === null ? '' : ' less the mean';
    rows.push(['cosines', `pairs ${random.p50.toFixed(2)}, nearest ${nearest.p50.toFixed(2)} (medians${told})`]);
  }
  return [name, ...rows.map(([what, value]) => `  ${what.padEnd(9)} ${value}`)];
};
