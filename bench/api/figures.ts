// What is said of many requests, and of how much longer they took than bare ones in the same run.
import { quantile } from '../statistics.ts';

export interface Figures {
  readonly requests: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Milliseconds of a processor for each request; null where the system does not tell. */
  readonly cpu: number | null;
}

export const figuresOf = (times: readonly number[], cpuMs: number | undefined): Figures => ({
  requests: times.length,
  p50: quantile(times, 0.5),
  p95: quantile(times, 0.95),
  p99: quantile(times, 0.99),
  cpu: cpuMs === undefined ? null : cpuMs / times.length,
});

const cell = (value: number | null, digits = 2): string => (value === null ? '–' : value.toFixed(digits)).padStart(8);
const ratio = (one: number | null, other: number | null): string =>
  (one === null || other === null || other === 0 ? '–' : `${(one / other).toFixed(1)} ×`).padStart(8);

export const HEAD = ['p50 ms', 'p95 ms', 'p99 ms', 'CPU ms', 'p50', 'p99', 'CPU']
  .map((text) => text.padStart(8))
  .join('');

/** A line of the table: figures, and their ratios to the bare ones of the same run. */
export const lineOf = (name: string, { p50, p95, p99, cpu }: Figures, bare?: Figures): string => {
  const own = [cell(p50), cell(p95), cell(p99), cell(cpu)].join('');
  return `${name.padEnd(44)}${own}${bare === undefined ? '' : [ratio(p50, bare.p50), ratio(p99, bare.p99), ratio(cpu, bare.cpu)].join('')}`;
};
