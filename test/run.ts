// `npm test`: types, style, then every test (test/setup.ts builds the WASM first); or `npm test -- PATH…` for some of them.
// A part whose tool is missing on this machine says so in a line of its own (the tests print `skipped: …`).
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wanted = process.argv.slice(2);

const run = (name: string, script: string, args: readonly string[]): void => {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [`${root}/node_modules/${script}`, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) {
    process.stderr.write(`${name} failed\n`);
    process.exit(status ?? 1);
  }
  process.stdout.write(`${name}: ok, ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
};

if (wanted.length === 0) {
  run('types of the edge', 'typescript/bin/tsc', ['--noEmit']);
  run('types of Node’s side', 'typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.node.json']);
  run('style', '@biomejs/biome/bin/biome', ['check', '.']);
}
run('tests', 'vitest/vitest.mjs', ['run', '--reporter=default', '--reporter=./test/closing-line.ts', ...wanted]);
