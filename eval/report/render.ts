// A table as text: Markdown for the page, columns for a terminal.
import { at } from '../../wire/list.ts';
import type { Table } from './format.ts';

export const markdownOf = ({ title, columns, rows, note }: Table): string =>
  [
    `**${title}**`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${columns.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    ...(note === undefined ? [] : ['', note]),
  ].join('\n');

/** The table for a terminal: columns as wide as they need. */
export const plainOf = ({ title, columns, rows, note }: Table): string => {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => at(row, i).length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => (i === 0 ? text.padEnd(at(widths, i)) : text.padStart(at(widths, i))))
      .join('  ')
      .trimEnd();
  return [
    title,
    '',
    line(columns),
    line(widths.map((width) => '─'.repeat(width))),
    ...rows.map(line),
    ...(note === undefined ? [] : ['', note]),
  ].join('\n');
};
