// docs/reference/limits.md: every constant of wire/limits.ts with its value, what its comment says, and its date.
import * as limits from '../../wire/limits.ts';
import { cell, table, written } from './cell.ts';

export interface Limit {
  /** Constants that stand together under one comment. */
  readonly names: readonly string[];
  readonly text: string;
  /** When it was decided or last checked; undefined where neither its comment nor its section says so. */
  readonly date: string | undefined;
}
export interface Section {
  readonly title: string;
  /** What holds for the whole section. */
  readonly note: string;
  readonly limits: readonly Limit[];
}

const DATE = /\s*\(?(\d{4}-\d\d-\d\d)\)?\.?$/;
const PARTS =
  /^\/\/ ── (?<title>.*?) ─+$|^\/\/ (?<note>.*)$|^\/\*\*(?<comment>[\s\S]*?)\*\/\n(?<constants>(?:export const [\s\S]*?;(?:[ \t]*\/\/.*)?\n)+)/gm;

const unwrapped = (comment: string): string => comment.replace(/\s*\n\s*\* ?/g, ' ').trim();

/** The constants of a source like wire/limits.ts, by section. */
export const limitsOf = (source: string): Section[] => {
  const sections: { title: string; note: string; limits: Limit[] }[] = [];
  for (const { groups } of source.matchAll(PARTS)) {
    const { title, note, comment, constants } = groups ?? {};
    const section = sections.at(-1);
    if (title !== undefined) sections.push({ title, note: '', limits: [] });
    else if (section === undefined) continue;
    else if (note !== undefined) section.note = `${section.note} ${note}`.trim();
    else {
      const text = unwrapped(comment ?? '');
      section.limits.push({
        names: Array.from((constants ?? '').matchAll(/^export const (\w+)/gm), ([, name = '']) => name),
        text: text.replace(DATE, ''),
        date: DATE.exec(text)?.[1] ?? /\d{4}-\d\d-\d\d/.exec(section.title)?.[0],
      });
    }
  }
  return sections;
};

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_BYTES?$|^MAX_SOURCE$/, 'bytes'],
  [/_MS$/, 'ms'],
  [/_S$/, 's'],
  [/_CHARACTERS$/, 'characters'],
  [/_TOKENS$/, 'tokens'],
];

const plain = (value: number): string => {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential().replace('e+', 'e');
  return value.toLocaleString('en-GB', { maximumFractionDigits: 6 });
};

const bytes = (value: number): string => {
  for (const [size, unit] of [
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ] as const) {
    if (value >= size && value % size === 0) return `${plain(value / size)} ${unit}`;
  }
  return value >= 1e6 && value % 1e6 === 0 ? `${plain(value / 1e6)} MB` : `${plain(value)} bytes`;
};

const asWritten = (name: string, value: unknown): string => {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([key, one]) => `${key}: ${asWritten(name.endsWith('_BYTES') ? '_BYTES' : key, one)}`)
      .join(', ');
  }
  if (typeof value !== 'number') return String(value);
  const unit = UNITS.find(([pattern]) => pattern.test(name))?.[1];
  if (unit === 'bytes') return bytes(value);
  if (unit === 'ms' && value >= 1_000) return `${plain(value / 1_000)} s`;
  return unit === undefined ? plain(value) : `${plain(value)} ${unit}`;
};

const shown = (names: readonly string[], of: (name: string) => string): string => names.map(of).join('<br>');

export const limitsPage = (source: string, values: Readonly<Record<string, unknown>> = limits): string => {
  const parts = limitsOf(source).map(({ title, note, limits }) => {
    const rows = limits.map(({ names, text, date }) => [
      shown(names, (name) => `\`${name}\``),
      shown(names, (name) => asWritten(name, values[name])),
      cell(text),
      date ?? '',
    ]);
    return [
      `## ${title.replace(/ \([^()]*\/[^()]*\)$/, '')}`,
      ...(note === '' ? [] : [cell(note)]),
      table(['name', 'value', 'of what, and why', 'decided or checked'], rows),
    ].join('\n\n');
  });
  return `${[
    '# Limits',
    written('wire/limits.ts'),
    'Every limit and default, as [wire/limits.ts](../../wire/limits.ts) has it. A refusal names the value and the limit; [errors.md](errors.md) says what to do then. What a deployment can set otherwise is in [configuration.md](configuration.md).',
    ...parts,
  ].join('\n\n')}\n`;
};
