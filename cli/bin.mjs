#!/usr/bin/env node
// Plain JavaScript, so that an old Node can start it: it finds a Node that runs TypeScript, which npm brings as an optional
// package, and goes on there. Signals that come to this process alone are passed on, and the other one's end is its own.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const bundledNode = () => {
  const { platform, arch } = process;
  const file = platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const require = createRequire(import.meta.url);
  for (const name of [`node-${platform === 'win32' ? 'win' : platform}-${arch}`, `node-bin-${platform}-${arch}`]) {
    try {
      return require.resolve(`${name}/${file}`);
    } catch {
      // the next, or none
    }
  }
  return undefined;
};

const goOnWith = (node) => {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // a terminal's Ctrl-C goes to both; the child decides what becomes of it
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (!process.stdin.isTTY || signal !== 'SIGINT') child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`sift-edge: ${node} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};

/** Below node_modules Node runs no TypeScript; typescript.mjs makes it, for what is started from here too. */
const startHere = async () => {
  // says which Node is needed, and ends, where this one is too old
  await import('./node-version.mjs');
  if (import.meta.url.includes('/node_modules/')) {
    const hook = `--import=${new URL('typescript.mjs', import.meta.url).href}`;
    process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, hook].filter(Boolean).join(' ');
    await import('./typescript.mjs');
  }
  await import('./sift-edge.ts');
};

const [major = 0] = process.versions.node.split('.').map(Number);
const node = major >= 25 ? undefined : bundledNode();
if (node !== undefined) goOnWith(node);
else await startHere();
