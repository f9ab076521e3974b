// Tables about how picks are tuned on: learning rates, gradient reuse, and how long each part of a request takes.
import { type Arms, armNames, compare, valuesAt } from '../figures/arms.ts';
import type { RateChoice } from '../figures/rates.ts';
import { STEPS } from '../run/grid.ts';
import { GENERATED, type Split } from '../run/machine.ts';
import { macroMean, mean, type Observation } from '../statistics.ts';
import { digits, gainOf, interval, type Table } from './format.ts';

export const rateTable = (rates: Readonly<Record<string, RateChoice>>): Table => ({
  id: 'rates',
  title: `Learning rates and kernels: mean bits per byte of the continuation after ${STEPS} steps, on the tuning prompts`,
  columns: ['strategy', 'prompts', 'rates tried', 'bits per byte', 'chosen'],
  rows: Object.entries(rates).map(([family, { rate, table, prompts }]) => [
    family,
    String(prompts),
    table.map(([value]) => value).join(', '),
    table.map(([, value]) => digits(value, 4)).join(', '),
    table.length > 1 ? String(rate) : '',
  ]),
});

export const reuseTable = (arms: Arms, bases: ReadonlyMap<string, Observation>): Table => ({
  id: 'reuse',
  title: `Gradient reuse on repeated examples, ${STEPS} steps`,
  columns: ['', 'prompts', 'distinct examples', 'ms of all steps', 'tuned', 'gain [95 %]'],
  rows: armNames(arms).flatMap((arm) => {
    const rows = [...(arms.get(arm)?.values() ?? [])];
    const values = valuesAt(arms.get(arm), STEPS);
    const gain = compare(values, bases);
    if (gain === undefined) return [];
    return [
      [
        arm,
        String(rows.length),
        digits(mean(rows.map(({ picks }) => new Set(picks).size)), 1),
        digits(mean(rows.map(({ ms }) => ms.reduce((sum, value) => sum + value, 0))), 0),
        digits(macroMean([...values.values()])),
        interval(gainOf(gain.difference)),
      ],
    ];
  }),
});

export const splitTable = (split: Split): Table => ({
  id: 'time',
  title: `One prompt, ${STEPS} steps and ${GENERATED} tokens: median milliseconds over ${split.prompts} prompts`,
  columns: ['embed', 'pool', 'select', 'open a session', 'tune', 'generate'],
  rows: [[split.embed, split.pool, split.select, split.open, split.tune, split.generate].map((ms) => digits(ms, 2))],
});
