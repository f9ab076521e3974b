// `node cli/reference.ts`: the reference of commands that docs/cli.md holds, from commands/table.ts; with --write it is put
// there.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { optionsOf, UsageError } from './arguments.ts';
import { runCommand } from './command.ts';
import { COMMANDS } from './commands/table.ts';
import { ROOT } from './places.ts';
import { referenceText } from './reference-text.ts';

const DOCUMENT = join(ROOT, 'docs/cli.md');
const REFERENCE = /(<!-- commands -->\n)[\s\S]*?(\n<!-- end of commands -->)/;

const main = async (): Promise<void> => {
  const { write } = optionsOf({ options: { write: { type: 'boolean', default: false } } });
  if (!write) return void process.stdout.write(`${referenceText(COMMANDS)}\n`);
  const text = await readFile(DOCUMENT, 'utf8');
  if (!REFERENCE.test(text)) throw new UsageError(`${DOCUMENT} has no place for the reference`);
  const put = (_: string, before: string, after: string): string => `${before}${referenceText(COMMANDS)}${after}`;
  await writeFile(DOCUMENT, text.replace(REFERENCE, put));
};

await runCommand('reference', main);
