// The report as a person reads it in a terminal of 80 columns or more; colours only where there is a terminal.
import { styleText } from 'node:util';
import type { Report } from './demo.ts';

const WIDTH = 100;

const oneLine = (text: string, width: number): string => {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length <= width ? flat : `${flat.slice(0, width - 1)}…`;
};

const tail = (text: string, lines: number): string => text.trimEnd().split('\n').slice(-lines).join('\n');

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `    ${line.length > WIDTH - 4 ? `${line.slice(0, WIDTH - 5)}…` : line}`)
    .join('\n');

const bar = (value: number, most: number): string => '█'.repeat(Math.max(1, Math.round((32 * value) / most)));

const seconds = (ms: number): string => (ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`);

const STAGES: Record<string, string> = {
  start: 'build, start edge and gateway',
  index: 'index the corpus',
  select: 'select (SIFT)',
  nearest: 'select (nearest neighbours)',
  tune_nn: 'tune and score, nearest neighbours',
  tune_sift: 'tune and score, SIFT',
  complete_base: 'continue, base model',
  complete_sift: 'select, tune, continue',
  total: 'total',
};

export const render = (report: Report): string => {
  const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });
  const dim = (text: string): string => styleText('dim', text, { stream: process.stdout });
  const { picks, bpb, scored, sigma2 } = report;
  const steps = picks.length;
  // of the gains, which are above zero, not of σ², whose difference may round to it
  const removed = picks.reduce((sum, { gain }) => sum + gain, 0);
  const most = Math.max(bpb.base, bpb.nn, bpb.sift);
  const row = (label: string, value: number): string =>
    `    ${label.padEnd(34)} ${value.toFixed(3)}  ${bar(value, most)}${
      value === bpb.base ? '' : dim(`  ${(100 * (value / bpb.base - 1)).toFixed(1)} %`)
    }`;
  return [
    '',
    `${bold('Prompt')}  ${report.prompt.source}${scored.what === 'continuation' ? dim('  (kept out of the corpus)') : ''}`,
    indent(tail(report.prompt.text, 6)),
    '',
    `${bold('SIFT picks')}  ${dim(`from a pool of ${report.pool}; σ², what the model does not know about the prompt, falls from ${sigma2.initial.toFixed(2)} by ${removed.toPrecision(2)}`)}`,
    dim('     #   share of it  similarity  example'),
    ...picks.map(
      (pick, i) =>
        `    ${String(i + 1).padStart(2)}   ${`${((100 * pick.gain) / removed).toFixed(1)} %`.padStart(8)}      ${pick.similarity.toFixed(3).padStart(6)}    ${oneLine(pick.text, WIDTH - 42)}`,
    ),
    '',
    `${bold('Bits per byte')}  ${dim(`of the ${scored.what === 'continuation' ? 'true continuation' : "prompt's own text"}, ${scored.bytes} bytes; lower is better`)}`,
    row('base model', bpb.base),
    row(`after ${steps} nearest neighbours`, bpb.nn),
    row(`after ${steps} SIFT picks`, bpb.sift),
    '',
    bold('Continuation before'),
    indent(tail(report.completion.before, 12)),
    '',
    bold('Continuation after'),
    indent(tail(report.completion.after, 12)),
    '',
    bold('Time'),
    ...Object.entries(report.ms).map(
      ([name, ms]) => `    ${(STAGES[name] ?? name).padEnd(34)} ${seconds(ms).padStart(8)}`,
    ),
    '',
  ].join('\n');
};
