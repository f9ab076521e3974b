// The study's pictures: Vega-Lite specifications over the tables' figures, drawn as SVG by Vega and as PNG by resvg, both
// from npm and without a browser. A machine without fonts gets SVG only, and is told so.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { Error as LogErrors, logger, parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

export interface Picture {
  readonly id: string;
  readonly title: string;
  readonly spec: TopLevelSpec;
}

type Values = readonly object[];

/** One colour a strategy, the same in every picture; from Okabe and Ito's palette, which colour-blind readers can tell apart. */
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

const colourScale = (names: readonly string[]) => {
  let shade = 0;
  return {
    domain: [...names],
    range: names.map((name) => COLOURS[name] ?? SHADES[shade++ % SHADES.length] ?? '#333333'),
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

const base = (title: string, values: Values, width = 560, height = 320) =>
  ({ $schema: SCHEMA, title, width, height, data: { values: [...values] }, config: CONFIG }) as const;

const names = (values: readonly { readonly arm: string }[]): string[] => [...new Set(values.map(({ arm }) => arm))];

/** Percentage of the base by number of steps, a line a strategy, the bootstrap interval as a band. */
export const curvePicture = (
  id: string,
  scored: string,
  values: readonly { arm: string; n: number; percent: number; low: number; high: number }[],
): Picture => {
  const title = `Bits per byte of the ${scored} by number of gradient steps, base = 100 %`;
  const x = {
    field: 'n',
    type: 'quantitative' as const,
    scale: { type: 'log' as const, nice: false },
    axis: { values: [1, 2, 5, 10, 20, 50], title: 'gradient steps (log scale)', grid: false },
  };
  const color = {
    field: 'arm',
    type: 'nominal',
    scale: colourScale(names(values)),
    legend: { title: null, symbolOpacity: 1 },
  } as const;
  return {
    id,
    title,
    spec: {
      ...base(title, values),
      encoding: { x, color },
      layer: [
        {
          transform: [{ filter: "datum.arm === 'sift' || datum.arm === 'nn'" }],
          mark: { type: 'area', opacity: 0.15, line: false },
          encoding: {
            y: {
              field: 'low',
              type: 'quantitative',
              scale: { zero: false },
              title: '% of the base model’s bits per byte',
            },
            y2: { field: 'high' },
          },
        },
        {
          mark: { type: 'line', point: { size: 28, filled: true }, strokeWidth: 2 },
          encoding: { y: { field: 'percent', type: 'quantitative', scale: { zero: false } } },
        },
      ],
    },
  };
};

/** One row a domain: the paired difference of SIFT and NN with its interval. */
export const domainPicture = (
  values: readonly { domain: string; mean: number; low: number; high: number }[],
  n: number,
): Picture => {
  const title = `SIFT − nearest neighbours after ${n} steps, by domain (left of zero: SIFT is better)`;
  const y = { field: 'domain', type: 'nominal', title: null, sort: null } as const;
  return {
    id: 'domains',
    title,
    spec: {
      ...base(title, values, 560, Math.max(120, 36 * values.length)),
      layer: [
        { mark: { type: 'rule', color: '#94a3b8', strokeDash: [4, 3] }, encoding: { x: { datum: 0 } } },
        {
          mark: { type: 'rule', strokeWidth: 2, color: '#0072B2' },
          encoding: {
            y,
            x: { field: 'low', type: 'quantitative', title: 'bits per byte, paired difference with 95 % interval' },
            x2: { field: 'high' },
          },
        },
        {
          mark: { type: 'point', filled: true, size: 70, color: '#0072B2' },
          encoding: { y, x: { field: 'mean', type: 'quantitative' } },
        },
      ],
    },
  };
};

export interface Bar {
  readonly x: string;
  readonly series: string;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** Grouped points with intervals: gain by copies, by λ, by pool. */
export const barPicture = (
  id: string,
  title: string,
  xTitle: string,
  yTitle: string,
  values: readonly Bar[],
): Picture => {
  const series = [...new Set(values.map((one) => one.series))];
  const x = {
    field: 'x',
    type: 'ordinal',
    title: xTitle,
    sort: null,
    axis: { labelAngle: values.some((one) => one.x.length > 8) ? -35 : 0 },
  } as const;
  const color = {
    field: 'series',
    type: 'nominal',
    scale: colourScale(series),
    legend: series.length > 1 ? { title: null } : null,
  } as const;
  const xOffset = series.length > 1 ? ({ xOffset: { field: 'series', type: 'nominal', sort: null } } as const) : {};
  return {
    id,
    title,
    spec: {
      ...base(title, values, 560, 280),
      encoding: { x, color, ...xOffset },
      layer: [
        {
          mark: { type: 'rule', color: '#94a3b8', strokeDash: [4, 3] },
          encoding: {
            y: { datum: 0 },
            x: { value: 0 },
            x2: { value: 560 },
            color: { value: '#94a3b8' },
            xOffset: { value: 0 },
          },
        },
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { y: { field: 'low', type: 'quantitative', title: yTitle }, y2: { field: 'high' } },
        },
        { mark: { type: 'point', filled: true, size: 70 }, encoding: { y: { field: 'y', type: 'quantitative' } } },
      ],
    },
  };
};

/** Predicted drop against realised gain, a point a prompt, a panel an N. */
export const scatterPicture = (
  values: readonly { domain: string; n: number; drop: number; gain: number }[],
): Picture => {
  const title = 'Drop of σ² (predicted) and gain (realised), a point a prompt';
  return {
    id: 'prediction',
    title,
    spec: {
      // sixth powers of cosines spread over decades
      ...base(
        title,
        values.filter(({ drop }) => drop > 0),
      ),
      facet: { column: { field: 'n', type: 'ordinal', title: 'steps' } },
      spec: {
        width: 240,
        height: 240,
        mark: { type: 'point', filled: true, size: 26, opacity: 0.75 },
        encoding: {
          x: {
            field: 'drop',
            type: 'quantitative',
            title: 'σ²₀ − σ²_N',
            scale: { type: 'log' },
            axis: { grid: false, format: '~e' },
          },
          y: { field: 'gain', type: 'quantitative', title: 'base − tuned, bits per byte' },
          color: { field: 'domain', type: 'nominal', legend: { title: null } },
        },
      },
    } as TopLevelSpec,
  };
};

/** Mean steps against mean gain, a line a stopping rule. */
export const stoppingPicture = (
  values: readonly { rule: string; steps: number; gain: number }[],
  most: number,
): Picture => {
  const title = `Stopping rules on runs of ${most} steps: gain by mean number of steps`;
  return {
    id: `stopping-${most}`,
    title,
    spec: {
      ...base(title, values),
      mark: { type: 'line', point: { filled: true, size: 36 }, strokeWidth: 2 },
      encoding: {
        x: { field: 'steps', type: 'quantitative', title: 'steps, mean over prompts' },
        y: { field: 'gain', type: 'quantitative', title: 'base − tuned, bits per byte', scale: { zero: false } },
        color: {
          field: 'rule',
          type: 'nominal',
          scale: {
            domain: ['fixed', 'alpha', 'level', 'share', 'covariance', 'similarity'],
            range: ['#111827', '#0072B2', '#009E73', '#E69F00', '#CC79A7', '#D55E00'],
          },
          legend: { title: null },
        },
        order: { field: 'steps' },
      },
    },
  };
};

/** The picture as SVG text. */
export const svgOf = async (spec: TopLevelSpec): Promise<string> => {
  const view = new View(parse(compile(spec).spec), { renderer: 'none', logger: logger(LogErrors) });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
};

const render = (svg: string): { png: Uint8Array; pixels: Uint8Array } => {
  const image = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    background: 'white',
    font: { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' },
  }).render();
  return { png: image.asPng(), pixels: image.pixels };
};

/** False where letters come out blank, since no font is installed. */
export const hasFonts = (): boolean => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="16" font-size="16">N</text></svg>';
  return render(svg).pixels.some((value) => value < 128);
};

/** Writes ID.svg, and ID.png where letters can be drawn. */
export const draw = async (pictures: readonly Picture[], directory: string): Promise<void> => {
  const png = hasFonts();
  if (!png) process.stderr.write('no font is installed on this machine: the pictures are written as SVG only\n');
  for (const { id, spec } of pictures) {
    const svg = await svgOf(spec);
    await writeFile(join(directory, `${id}.svg`), svg);
    if (png) await writeFile(join(directory, `${id}.png`), render(svg).png);
  }
};
