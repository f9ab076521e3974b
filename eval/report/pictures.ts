// The kinds of pictures, as Vega-Lite specifications over figures. draw.ts turns them into files.
import type { TopLevelSpec } from 'vega-lite';
import { base, colourScale, names, type Picture } from './style.ts';

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
