// What a trial found, as a person reads it and as it is kept in files.
import type { Probe } from '../local/state.ts';
import type { Summary } from './rates.ts';

const row = ({ method, learningRate, saved, error, worse }: Summary, documents: number): string => {
  const share = Number.isFinite(saved)
    ? `${`${(100 * saved).toFixed(1)} %`.padStart(8)} ± ${(100 * error).toFixed(1).padEnd(4)}`
    : 'the weights overflow'.padStart(15);
  return `  ${method.padEnd(6)} ${learningRate.toExponential(0).padStart(6)}  ${share}          ${worse} of ${documents}`;
};

export const ratesTable = (summaries: readonly Summary[], documents: number): string[] => [
  '  method   rate  fewer bits than base   made worse by over 1 %',
  ...summaries.map((summary) => row(summary, documents)),
];

const short = (value: number): number | null => (Number.isFinite(value) ? Number(value.toFixed(4)) : null);

export const tableOnFile = (summaries: readonly Summary[]): Probe['table'] =>
  summaries.map(({ method, learningRate, saved, error, worse }) => ({
    method,
    learning_rate: learningRate,
    saved: short(saved),
    standard_error: short(error),
    worse,
  }));
