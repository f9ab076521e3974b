// The pages that are written from the source, whole or in a part, each with what it is written from.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMANDS } from '../commands/table.ts';
import { ROOT } from '../places.ts';
import { commandsText } from './commands.ts';
import { configurationPage } from './configuration.ts';
import { errorsPage } from './errors.ts';
import { limitsPage } from './limits.ts';

export interface WrittenPage {
  readonly path: string;
  text(): Promise<string>;
}

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');

/** What the page holds now; empty where it is not there yet. */
export const currentText = (path: string): Promise<string> => read(path).catch(() => '');

const COMMANDS_PART = /(<!-- commands -->\n)[\s\S]*?(\n<!-- end of commands -->)/;

/** docs/cli.md, with the table's commands in their place. */
const commandLinePage = (page: string): string =>
  page.replace(COMMANDS_PART, (_, before: string, after: string) => `${before}${commandsText(COMMANDS)}${after}`);

export const PAGES: readonly WrittenPage[] = [
  { path: 'docs/cli.md', text: async () => commandLinePage(await read('docs/cli.md')) },
  { path: 'docs/reference/limits.md', text: async () => limitsPage(await read('wire/limits.ts')) },
  { path: 'docs/reference/errors.md', text: async () => errorsPage() },
  {
    path: 'docs/reference/configuration.md',
    text: async () =>
      configurationPage({
        env: await read('functions/env.ts'),
        production: await read('wrangler.toml'),
        local: await read('wrangler.local.toml'),
      }),
  },
];
