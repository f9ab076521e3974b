// The report as a person reads it in a terminal of 100 columns or more; colours only where there is a terminal.
import { styleText } from 'node:util';
import { nameOnOneLine } from '../corpus/notes.ts';
import type { Report } from './demo.ts';
import type { Interval } from './interval.ts';

const WIDTH = 100;
const NAME_WIDTH = 46;

const oneLine = (text: string, width: number): string => {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length <= width ? flat : `${flat.slice(0, width - 1)}…`;
};

/** The end of a path tells more than its beginning. */
const tailOf = (text: string, width: number): string => (text.length <= width ? text : `…${text.slice(1 - width)}`);

const lastLines = (text: string, lines: number): string => text.trimEnd().split('\n').slice(-lines).join('\n');

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `    ${line.length > WIDTH - 4 ? `${line.slice(0, WIDTH - 5)}…` : line}`)
    .join('\n');

const seconds = (ms: number): string => (ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`);
const signed = (value: number, digits: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
const change = (to: number, from: number): string => `${signed(100 * (to / from - 1), 1)} %`;

const STAGES: Record<string, string> = {
  start: 'build, start edge and gateway',
  index: 'index the corpus',
  probe: 'probe for a learning rate',
  select: 'one selection (mean)',
  tune_and_score: 'tune and score once (mean)',
  complete_base: 'continue, base model',
  complete_sift: 'select, tune, continue',
  demonstration: 'demonstration in all',
  total: 'total',
};

const interval = (what: string, { mean, low, high, of }: Interval): string =>
  `    ${what}: ${signed(mean, 4)} bits per byte, 95 % t interval ${signed(low, 4)} to ${signed(high, 4)} (paired, ${of} documents)`;

const table = ({ documents, bpb, picks }: Report): string[] => {
  const row = (name: string, { base, nn, sift }: Report['bpb']): string =>
    `    ${tailOf(nameOnOneLine(name), NAME_WIDTH).padEnd(NAME_WIDTH)} ${base.toFixed(3)}` +
    `   ${nn.toFixed(3)} ${change(nn, base).padStart(8)}   ${sift.toFixed(3)} ${change(sift, base).padStart(8)}`;
  const n = picks.length;
  return [
    `    ${''.padEnd(NAME_WIDTH)} ${'base'.padStart(5)}   ${`${n} nearest`.padStart(14)}   ${`${n} by SIFT`.padStart(14)}`,
    ...documents.map(({ source, bpb: own }) => row(source, own)),
    ...(documents.length > 1 ? [row('mean', bpb)] : []),
  ];
};

/** `leftOut`: how many sources the selections were told to leave out. */
export const render = (report: Report, leftOut: number): string => {
  const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });
  const dim = (text: string): string => styleText('dim', text, { stream: process.stdout });
  const { documents, difference, picks, prompt } = report;
  const gain = picks.reduce((sum, pick) => sum + pick.gain, 0);
  const isCut = documents.every(({ scored }) => scored.what === 'continuation');
  const scored = isCut ? "each document's second half, tuned for its first" : "the prompt's own text, tuned for it";
  const copies = leftOut > documents.length ? ` and their near copies, ${leftOut} files,` : '';
  return [
    '',
    `${bold('Bits per byte')}  ${dim(`of ${scored}: what the model needs to encode it, lower is better`)}`,
    ...(leftOut > 0 ? [dim(`    the documents${copies} were left out of the selection`)] : []),
    ...table(report),
    ...(difference === null
      ? []
      : [
          interval('SIFT against the base model', difference.siftFromBase),
          interval('SIFT against nearest neighbours', difference.siftFromNn),
        ]),
    '',
    `${bold('Prompt')}  ${nameOnOneLine(prompt.source)}${documents.length > 1 ? dim('  (the document that gained most)') : ''}`,
    indent(lastLines(prompt.text, 6)),
    '',
    `${bold('SIFT picks for it')}  ${dim(`they explain ${(100 * report.explained).toFixed(0)} % of what all ${report.pool} candidates of the pool could explain`)}`,
    dim('     #   share of it  similarity  example'),
    ...picks.map(
      (pick, i) =>
        `    ${String(i + 1).padStart(2)}   ${`${((100 * pick.gain) / gain).toFixed(1)} %`.padStart(8)}      ${pick.similarity.toFixed(3).padStart(6)}    ${oneLine(pick.text, WIDTH - 42)}`,
    ),
    '',
    bold('Continuation before'),
    indent(lastLines(report.completion.before, 12)),
    '',
    bold('Continuation after'),
    indent(lastLines(report.completion.after, 12)),
    '',
    bold('Time'),
    ...Object.entries(report.ms).map(
      ([name, ms]) => `    ${(STAGES[name] ?? name).padEnd(34)} ${seconds(ms).padStart(8)}`,
    ),
    '',
  ].join('\n');
};
