// `npm test`: types, style, then every test but the slow ones (test/setup.ts builds the WASM first); `npm run test:slow`: those,
// named *.slow.test.ts; `npm test -- PATH…`: some of either.
// A part whose tool is missing on this machine says so in a line of its own (the tests print `skipped: …`).
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const given = process.argv.slice(2);
const slow = given.includes('--slow');
const wanted = given.filter((one) => one !== '--slow');
/** Read by vitest.config.ts. */
const suite = slow ? 'slow' : wanted.length === 0 ? 'quick' : 'all';

const run = (name: string, script: string, args: readonly string[]): void => {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [`${root}/node_modules/${script}`, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, SIFT_SUITE: suite },
  });
  if (status !== 0) {
    process.stderr.write(`${name} failed\n`);
    process.exit(status ?? 1);
  }
  process.stdout.write(`${name}: ok, ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
};

if (suite === 'quick') {
  run('types of the edge', 'typescript/bin/tsc', ['--noEmit']);
  run('types of Node’s side', 'typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.node.json']);
  run('style', '@biomejs/biome/bin/biome', ['check', '.']);
}
// before the tests, whose last line is the count
if (suite === 'quick') process.stdout.write('left to `npm run test:slow`: the files test/**/*.slow.test.ts\n');
run('tests', 'vitest/vitest.mjs', ['run', '--reporter=default', '--reporter=./test/closing-line.ts', ...wanted]);
