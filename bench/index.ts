// `npm run bench -- NAME [--json] [--quick]`: hands over to bench/NAME/index.ts, which exports run(args).
import { readdir } from 'node:fs/promises';
import { runCommand } from '../cli/command.ts';

interface Bench {
  run(args: readonly string[]): Promise<void>;
}

const here = new URL('.', import.meta.url);
const entries = await readdir(here, { withFileTypes: true });
const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
const [name, ...args] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [--json] [--quick], where NAME is one of: ${names.sort().join(', ')}`);
  process.exitCode = 2;
} else {
  await runCommand('bench', async () => {
    const bench: Bench = await import(new URL(`${name}/index.ts`, here).href);
    await bench.run(args);
  });
}
