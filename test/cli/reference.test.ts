// docs/cli.md has every command and flag of the table as it is now; and what stands in the table keeps its own rules.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../cli/commands/command.ts';
import { COMMANDS } from '../../cli/commands/table.ts';
import { flagWords } from '../../cli/completion/tree.ts';
import { EXIT } from '../../cli/exit.ts';
import { ROOT } from '../../cli/places.ts';
import { flagsOf } from '../../cli/program.ts';
import { commandsText } from '../../cli/reference/commands.ts';
import { runTyped } from './typed.ts';

const DOCUMENT = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');

const allOf = (commands: readonly Command[], path: readonly string[] = []): [string[], Command][] =>
  commands.flatMap((command) => [
    [[...path, command.name], command] as [string[], Command],
    ...allOf(command.subcommands ?? [], [...path, command.name]),
  ]);
const ALL = allOf(COMMANDS);

describe('docs/cli.md', () => {
  it('has the table as `node cli/reference.ts --write` puts it there', () => {
    expect(DOCUMENT).toContain(`<!-- commands -->\n${commandsText(COMMANDS)}\n<!-- end of commands -->`);
  });

  it('lists every exit code', () => {
    for (const code of Object.values(EXIT)) expect(DOCUMENT).toContain(`\n| ${code} | `);
  });
});

describe('the table of commands', () => {
  it.each(ALL.map(([path, command]) => [path.join(' '), command] as const))('%s says each flag once', (_, command) => {
    const names = flagsOf(command).flatMap((flag) => flagWords(flag).names);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    for (const { summary } of flagsOf(command)) expect(summary.length).toBeGreaterThan(3);
  });

  it('can be parsed and has a help for each command', async () => {
    for (const [path, command] of ALL.filter(([, { raw }]) => raw !== true)) {
      const { code, stdout } = await runTyped([...path, '--help']);
      expect([code, stdout]).toEqual([EXIT.ok, expect.stringContaining(`sift-edge ${path.join(' ')}`)]);
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(command.summary);
    }
  });
});
