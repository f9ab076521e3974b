// `node cli/routes.ts`: the table of routes that docs/reference/api.md holds, from wire/api/routes.ts; with --write it is put there.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { routesTable } from '../wire/api/routes-table.ts';
import { optionsOf, UsageError } from './arguments.ts';
import { runCommand } from './command.ts';
import { ROOT } from './workplace.ts';

const DOCUMENT = join(ROOT, 'docs/reference/api.md');
const TABLE = /(<!-- routes -->\n)[\s\S]*?(\n<!-- end of routes -->)/;

const main = async (): Promise<void> => {
  const { write } = optionsOf({ options: { write: { type: 'boolean', default: false } } });
  if (!write) return void process.stdout.write(`${routesTable()}\n`);
  const text = await readFile(DOCUMENT, 'utf8');
  if (!TABLE.test(text)) throw new UsageError(`${DOCUMENT} has no place for the table`);
  await writeFile(
    DOCUMENT,
    text.replace(TABLE, (_, before: string, after: string) => `${before}${routesTable()}${after}`),
  );
};

await runCommand('routes', main);
