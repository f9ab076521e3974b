// The tables of docs/study/context.md: what each way of using the picks gives, and what it costs.
import type { GuardStudy } from '../figures/guard.ts';
import type { ModeFigures, ModeTable } from '../figures/modes.ts';
import { digits, interval, percent, signed, type Table } from './format.ts';

const NAMES: Readonly<Record<string, string>> = { '': 'base model', nn: 'NN', mmr: 'MMR', sift: 'SIFT' };

const usedAs = ({ strategy, steps, context }: ModeFigures): string => {
  if (strategy === '') return '';
  const tuned = steps === 0 ? [] : [`${steps} tuned`];
  const inContext = context === 0 ? [] : [`${context} in the context`];
  return [...tuned, ...inContext].join(' + ');
};

const nameOf = ({ strategy, copies }: ModeFigures): string =>
  `${NAMES[strategy] ?? strategy}${copies === 1 ? '' : `, corpus ×${copies}`}`;

export const modesTable = (id: string, title: string, { figures }: ModeTable, note?: string): Table => ({
  id,
  title,
  columns: [
    'picks',
    'used as',
    'bits per byte',
    'less base [95 %]',
    'less NN, same use [95 %]',
    'better than base',
    'worse by over 1 %',
    'tokens read',
    'tokens trained on',
    '10¹² operations',
  ],
  rows: figures.map((one) => [
    nameOf(one),
    usedAs(one),
    digits(one.bitsPerByte),
    one.lessBase === null ? '' : interval(one.lessBase, 3),
    one.lessNn === null ? '' : interval(one.lessNn, 3),
    one.better === null ? '' : percent(one.better),
    one.worse === null ? '' : percent(one.worse),
    String(Math.round(one.read)),
    String(Math.round(one.trained)),
    digits(one.teraflops, 2),
  ]),
  ...(note === undefined ? {} : { note }),
});

export const modesByDomain = (id: string, title: string, { figures, domains }: ModeTable): Table => ({
  id,
  title,
  columns: ['picks', 'used as', ...domains],
  rows: figures.map((one) => [
    nameOf(one),
    usedAs(one),
    ...domains.map((domain) => digits(one.byDomain[domain] ?? Number.NaN)),
  ]),
});

/** What the product's guard would have done. */
export const guardTable = (method: string, { correlations, figures }: GuardStudy): Table => ({
  id: 'guard',
  title: `The guard in hindsight: ${method}, ten SIFT picks`,
  columns: [
    'rate, × default',
    'prompts',
    'left that rate',
    'ended at the base',
    'worse by over 1 %: without → with the guard',
    'mean change of bits: without → with',
    'of the runs that saved over 1 %, undone',
  ],
  rows: figures.map((one) => [
    String(one.factor),
    String(one.prompts),
    percent(one.fired),
    percent(one.toBase),
    `${percent(one.harmed)} → ${percent(one.harmedWith)}`,
    `${signed(100 * one.change, 1)} % → ${signed(100 * one.changeWith, 1)} %`,
    percent(one.falseAlarms),
  ]),
  note:
    `Spearman over all these runs with the change of the continuation: prequential gain ${digits(correlations.prequential, 2)}, ` +
    `capped as in the product ${digits(correlations.capped, 2)}, the prompt’s own bits ${digits(correlations.prompt, 2)}, ` +
    `capped gain plus the prompt’s bits ${digits(correlations.both, 2)}.`,
});
