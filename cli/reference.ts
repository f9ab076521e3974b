// `node cli/reference.ts`: names the pages of docs/ that the source has outrun; with --write they are written. The
// table of routes in docs/reference/api.md is written by `node cli/routes.ts --write`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { optionsOf } from './arguments.ts';
import { runCommand } from './command.ts';
import { ROOT } from './places.ts';
import { currentText, PAGES } from './reference/pages.ts';

const main = async (): Promise<void> => {
  const { write } = optionsOf({ options: { write: { type: 'boolean', default: false } } });
  for (const { path, text } of PAGES) {
    const wanted = await text();
    if (wanted === (await currentText(path))) continue;
    if (write) await writeFile(join(ROOT, path), wanted);
    process.stdout.write(`${path} ${write ? 'was written' : 'is not what the source says: --write writes it'}\n`);
    if (!write) process.exitCode = 1;
  }
};

await runCommand('reference', main);
