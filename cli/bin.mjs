#!/usr/bin/env node
// Plain JavaScript, so that an old Node can start it: it finds a Node that runs TypeScript, which npm brings as an optional
// package, and goes on there.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const [major = 0] = process.versions.node.split('.').map(Number);

/** An installed package: Node leaves out the types of TypeScript for nobody below node_modules (typescript.mjs). */
const startHere = async () => {
  if (import.meta.url.includes('/node_modules/')) {
    const hook = `--import=${new URL('typescript.mjs', import.meta.url).href}`;
    process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, hook].filter(Boolean).join(' ');
    await import('./typescript.mjs');
  }
  await import('./sift-edge.ts');
};

if (major >= 25) {
  await startHere();
} else {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const file = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const require = createRequire(import.meta.url);
  let node;
  for (const candidate of [name, `node-bin-${process.platform}-${process.arch}`]) {
    try {
      node = require.resolve(`${candidate}/${file}`);
      break;
    } catch {
      // the next, or none
    }
  }
  if (node === undefined) {
    await import('./node-version.mjs');
  } else {
    const { status, signal } = spawnSync(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: 'inherit',
    });
    process.exit(status ?? (signal === null ? 1 : 130));
  }
}
