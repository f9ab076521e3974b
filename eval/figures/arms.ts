// From rows to figures: the arms of a question with their prompts, compared with the base and, paired, with another arm. A
// prompt counts for an arm once its task is done, so every figure of an unfinished run says how many prompts it is of.
import type { Ledger } from '../run/ledger.ts';
import { bpbAt, keyOf, type Planned, type Row } from '../run/tasks.ts';
import { bootstrap, type Interval, macroMean, type Observation, winRate } from '../statistics.ts';

/** Rows of a question: arm → prompt → row. */
export type Arms = ReadonlyMap<string, ReadonlyMap<string, Row>>;

export const armsOf = (plan: readonly Planned[], ledger: Ledger<Row>, question: string): Arms => {
  const arms = new Map<string, Map<string, Row>>();
  for (const planned of plan) {
    if (planned.question !== question) continue;
    const rows = arms.get(planned.arm) ?? new Map<string, Row>();
    arms.set(planned.arm, rows);
    const row = ledger.get(keyOf(planned.task));
    if (row !== undefined) rows.set(planned.task.prompt.id, row);
  }
  return arms;
};

/** An arm's values after n steps, one a prompt. */
export const valuesAt = (rows: ReadonlyMap<string, Row> | undefined, n: number): Map<string, Observation> => {
  const values = new Map<string, Observation>();
  for (const [id, row] of rows ?? []) {
    const value = bpbAt(row, n);
    if (value !== undefined) values.set(id, { domain: row.domain, value });
  }
  return values;
};

/** a − b on the prompts that both have. */
export const paired = (a: ReadonlyMap<string, Observation>, b: ReadonlyMap<string, Observation>): Observation[] =>
  Array.from(a).flatMap(([id, { domain, value }]) => {
    const other = b.get(id);
    return other === undefined ? [] : [{ domain, value: value - other.value }];
  });

export interface Comparison {
  readonly prompts: number;
  readonly difference: Interval;
  /** Share of prompts on which the first is lower. */
  readonly wins: number;
}

export const compare = (
  a: ReadonlyMap<string, Observation>,
  b: ReadonlyMap<string, Observation>,
): Comparison | undefined => {
  const differences = paired(a, b);
  if (differences.length === 0) return undefined;
  return {
    prompts: differences.length,
    difference: bootstrap(differences),
    wins: winRate(differences.map(({ value }) => value)),
  };
};

export interface Cell {
  readonly arm: string;
  readonly n: number;
  readonly prompts: number;
  readonly bpb: number;
  /** The base on the same prompts. */
  readonly base: number;
  /** bpb / base, as a percentage. */
  readonly percent: number;
  readonly toBase: Comparison;
  readonly toNn: Comparison | undefined;
}

const only = <T>(values: ReadonlyMap<string, T>, keys: ReadonlyMap<string, unknown>): Map<string, T> =>
  new Map(Array.from(values).filter(([key]) => keys.has(key)));

export const cell = (arms: Arms, arm: string, n: number, baseline = 'nn'): Cell | undefined => {
  const bases = valuesAt(arms.get('base'), 0);
  const values = only(valuesAt(arms.get(arm), n), bases);
  const toBase = compare(values, bases);
  if (toBase === undefined) return undefined;
  const [bpb, base] = [macroMean([...values.values()]), macroMean([...only(bases, values).values()])];
  const toNn = arm === baseline ? undefined : compare(values, valuesAt(arms.get(baseline), n));
  return { arm, n, prompts: values.size, bpb, base, percent: (100 * bpb) / base, toBase, toNn };
};

/** All arms but the base. */
export const armNames = (arms: Arms): string[] => [...arms.keys()].filter((arm) => arm !== 'base');

export const domainsOf = (rows: ReadonlyMap<string, Row> | undefined): string[] =>
  [...new Set(Array.from(rows?.values() ?? [], ({ domain }) => domain))].sort();

export const ofDomain = (arms: Arms, domain: string): Arms =>
  new Map(
    Array.from(arms, ([arm, rows]) => [arm, new Map(Array.from(rows).filter(([, row]) => row.domain === domain))]),
  );

/** What each prompt gains over its base. */
export const gainsOver = (
  bases: ReadonlyMap<string, Observation>,
  values: ReadonlyMap<string, Observation>,
): Map<string, Observation> =>
  new Map(
    Array.from(values).flatMap(([id, { domain, value }]) => {
      const base = bases.get(id);
      return base === undefined ? [] : [[id, { domain, value: base.value - value }] as const];
    }),
  );
