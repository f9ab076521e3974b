// What all pictures share: colours, fonts, axes, and the frame of a Vega-Lite specification.
import type { TopLevelSpec } from 'vega-lite';
import { at } from '../../wire/list.ts';

export interface Picture {
  readonly id: string;
  readonly title: string;
  readonly spec: TopLevelSpec;
}

type Values = readonly object[];

/** One colour for each strategy in all pictures, from Okabe and Ito's palette, which colour-blind readers can tell apart. */
const COLOURS: Readonly<Record<string, string>> = {
  sift: '#0072B2',
  nn: '#D55E00',
  'nn-f': '#CC79A7',
  'nn distinct': '#E69F00',
  mmr: '#009E73',
  uncertainty: '#56B4E9',
  random: '#999999',
  'random of 200': '#C7B000',
  hullft: '#6A3D9A',
};
/** Variants of SIFT in shades of its blue. */
const SHADES = ['#08306B', '#6BAED6', '#4292C6', '#9ECAE1'];

export const colourScale = (names: readonly string[]) => {
  let shade = 0;
  return {
    domain: [...names],
    range: names.map((name) => COLOURS[name] ?? at(SHADES, shade++ % SHADES.length)),
  };
};

const CONFIG = {
  background: 'white',
  font: 'DejaVu Sans, Helvetica, Arial, sans-serif',
  axis: {
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    gridColor: '#e2e8f0',
    domainColor: '#94a3b8',
    tickColor: '#94a3b8',
  },
  legend: { labelFontSize: 11, titleFontSize: 12, titleFontWeight: 'normal', symbolStrokeWidth: 2.5, labelLimit: 300 },
  header: { labelFontSize: 12, titleFontSize: 12 },
  title: { fontSize: 14, fontWeight: 'normal', anchor: 'start', offset: 12 },
  view: { stroke: null },
} as const;

const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';

export const base = (title: string, values: Values, width = 560, height = 320) =>
  ({ $schema: SCHEMA, title, width, height, data: { values: [...values] }, config: CONFIG }) as const;

export const names = (values: readonly { readonly arm: string }[]): string[] => [
  ...new Set(values.map(({ arm }) => arm)),
];
