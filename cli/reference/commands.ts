// The commands and flags of `sift-edge` as docs/cli.md lists them, from the table.
import type { Command, Flag } from '../commands/command.ts';
import { EVERY_FLAGS, REMOTE_FLAGS } from '../program.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');

const kindOf = ({ values }: Pick<Flag, 'values'>): string =>
  typeof values === 'object' ? ` (${values.join(', ')})` : '';

const flagRow = (flag: Flag): string => {
  const { flags, summary, fallback, many } = flag;
  const otherwise = typeof fallback === 'string' ? ` (default ${fallback})` : '';
  return `| \`${flags.replaceAll('|', '\\|')}\` | ${cell(summary)}${kindOf(flag)}${otherwise}${many === true ? '; repeatable' : ''} |`;
};

const signature = (path: string, { positionals = [], raw }: Command): string =>
  [`sift-edge ${path}`, ...positionals.map(({ name }) => name), ...(raw === true ? ['[args...]'] : [])].join(' ');

/** The flags that all have who ask an edge are told once, above. */
const sectionOf = (path: string, command: Command): string[] => {
  const { summary, details, flags = [], positionals = [], examples = [], subcommands = [] } = command;
  if (subcommands.length > 0) {
    const inner = subcommands.flatMap((one) => sectionOf(`${path} ${one.name}`, one));
    return [`### ${path}`, `${summary[0]?.toUpperCase()}${summary.slice(1)}.`, ...inner];
  }
  const rows = [
    ...positionals.map((one) => `| \`${one.name}\` | ${cell(one.summary)}${kindOf(one)} |`),
    ...flags.map(flagRow),
  ];
  return [
    `${path.includes(' ') ? '####' : '###'} ${path}`,
    `\`${signature(path, command)}\`: ${cell(summary)}.${command.remote === true ? ' Asks an edge.' : ''}`,
    ...(details === undefined ? [] : [details.split('\n').map(cell).join('\n')]),
    ...(rows.length === 0 ? [] : [['| | |', '|---|---|', ...rows].join('\n')]),
    ...(examples.length === 0 ? [] : [`\`\`\`sh\n${examples.join('\n')}\n\`\`\``]),
  ];
};

export const commandsText = (commands: readonly Command[]): string =>
  [
    'Every command takes these, but `eval` and `bench`, whose arguments are their own; `--server` and `--key` only those that ask an edge:',
    ['| | |', '|---|---|', ...[...EVERY_FLAGS, ...REMOTE_FLAGS].map(flagRow), '| `-h, --help` | what it takes |'].join(
      '\n',
    ),
    ...commands.flatMap((command) => sectionOf(command.name, command)),
  ].join('\n\n');
