// The tables of whole questions: main table, curve, domains, and the small table of a side question. Each figure comes with
// the number of prompts that it is of.
import { type Arms, armNames, type Cell, compare, domainsOf, ofDomain, valuesAt } from '../figures/arms.ts';
import { FEWEST } from '../figures/cells.ts';
import { COUNTS } from '../run/grid.ts';
import { macroMean, type Observation } from '../statistics.ts';
import { digits, gainOf, interval, percent, type Table } from './format.ts';

export const mainTable = (cells: readonly Cell[], n: number): Table => {
  const at = cells.filter((one) => one.n === n);
  const most = Math.max(...at.map(({ prompts }) => prompts));
  // arms that have only begun are left out; the others are ordered by paired differences, as their prompts differ
  const ordered = at
    .filter(({ prompts }) => prompts >= Math.min(most, FEWEST))
    .sort((a, b) => (a.toNn?.difference.mean ?? 0) - (b.toNn?.difference.mean ?? 0));
  return {
    id: `main-${n}`,
    title: `Bits per byte after ${n} step${n === 1 ? '' : 's'}, mean over domains`,
    columns: [
      'strategy',
      'prompts',
      'base',
      'tuned',
      '% of base',
      'tuned − base [95 %]',
      '− nn, paired [95 %]',
      'below nn',
    ],
    rows: ordered.map((one) => [
      one.arm,
      String(one.prompts),
      digits(one.base),
      digits(one.bpb),
      digits(one.percent, 1),
      interval(one.toBase.difference),
      one.toNn === undefined ? '' : interval(one.toNn.difference),
      one.toNn === undefined ? '' : percent(one.toNn.wins),
    ]),
    note: 'Ordered by the paired difference to nn, since arms have different prompts until all runs are done.',
  };
};

export const curveTable = (cells: readonly Cell[]): Table => {
  const arms = [
    ...new Set(cells.filter(({ prompts }) => prompts >= FEWEST || prompts === cells[0]?.prompts).map(({ arm }) => arm)),
  ];
  return {
    id: 'curve',
    title: 'Bits per byte as a percentage of the base, by number of steps',
    columns: ['strategy', ...COUNTS.map(String)],
    rows: arms.map((arm) => [
      arm,
      ...COUNTS.map((n) => {
        const found = cells.find((one) => one.arm === arm && one.n === n);
        return found === undefined ? '' : `${digits(found.percent, 1)} (${found.prompts})`;
      }),
    ]),
    note: 'In brackets the number of prompts; the base is of the same prompts. The picture is of the prompts that all strategies have.',
  };
};

export const domainTable = (arms: Arms, n: number): Table => ({
  id: `domains-${n}`,
  title: `By domain, after ${n} steps`,
  columns: [
    'domain',
    'prompts',
    'base',
    'nn',
    'sift',
    'sift − nn [95 %]',
    'sift below nn',
    'nn below base',
    'sift below base',
  ],
  rows: domainsOf(arms.get('base')).flatMap((domain) => {
    const own = ofDomain(arms, domain);
    const [base, nn, sift] = [valuesAt(own.get('base'), 0), valuesAt(own.get('nn'), n), valuesAt(own.get('sift'), n)];
    const [toNn, nnToBase, siftToBase] = [compare(sift, nn), compare(nn, base), compare(sift, base)];
    if (toNn === undefined || nnToBase === undefined || siftToBase === undefined) return [];
    const values = (of: ReadonlyMap<string, Observation>): string =>
      digits(macroMean([...of].flatMap(([id, value]) => (sift.has(id) ? [value] : []))));
    return [
      [
        domain,
        String(toNn.prompts),
        values(base),
        values(nn),
        values(sift),
        interval(toNn.difference),
        percent(toNn.wins),
        percent(nnToBase.wins),
        percent(siftToBase.wins),
      ],
    ];
  }),
});

export const sideTable = (
  id: string,
  title: string,
  arms: Arms,
  bases: ReadonlyMap<string, Observation>,
  reference: string,
  n: number,
  note?: string,
): Table => {
  const against = valuesAt(arms.get(reference), n);
  return {
    id,
    title,
    columns: [
      '',
      'prompts',
      'base',
      'tuned',
      'gain over base [95 %]',
      `− ${reference}, paired [95 %]`,
      `below ${reference}`,
    ],
    rows: armNames(arms).flatMap((arm) => {
      const values = valuesAt(arms.get(arm), n);
      const gain = compare(values, bases);
      if (gain === undefined) return [];
      const other = arm === reference ? undefined : compare(values, against);
      const own = [...bases].flatMap(([key, value]) => (values.has(key) ? [value] : []));
      return [
        [
          arm,
          String(gain.prompts),
          digits(macroMean(own)),
          digits(macroMean([...values.values()])),
          interval(gainOf(gain.difference)),
          other === undefined ? '' : interval(other.difference),
          other === undefined ? '' : percent(other.wins),
        ],
      ];
    }),
    ...(note === undefined ? {} : { note }),
  };
};
