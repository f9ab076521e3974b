// What npm has installed and the build has made: native packages run in a process of their own, since one that was built for
// another machine may end it.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../wire/message.ts';
import { INSTALLED, ROOT } from '../places.ts';
import { type Check, fail, ok, warn } from './finding.ts';

const execute = promisify(execFile);
const LIMIT = { timeout: 30_000, cwd: ROOT };
const INSTALL = INSTALLED
  ? 'install sift-edge again, with Node 22 or newer, with --ignore-scripts and without --omit=optional'
  : 'run npm ci again on this machine';
const firstLine = (error: unknown): string =>
  messageOf(error)
    .split('\n')
    .find((line) => /error|cannot|not found|this needs/i.test(line) && !line.startsWith('Command failed'))
    ?.trim() ??
  messageOf(error).split('\n')[0] ??
  '';

export const onnxCheck: Check = async () => {
  try {
    const script = "const { env } = await import('onnxruntime-node'); process.stdout.write(env.versions.node ?? '')";
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], LIMIT);
    return [ok('onnxruntime', `onnxruntime-node ${stdout} loads`)];
  } catch (error) {
    return [fail('onnxruntime', 'onnxruntime-node does not load', firstLine(error), INSTALL)];
  }
};

export const workerdCheck: Check = async () => {
  try {
    // Miniflare's own
    const require = createRequire(createRequire(import.meta.url).resolve('miniflare'));
    const { default: binary } = require('workerd') as { default: string };
    const { stdout } = await execute(binary, ['--version'], LIMIT);
    return [ok('workerd', `${stdout.trim()} runs`)];
  } catch (error) {
    return [fail('workerd', 'workerd does not run', firstLine(error), INSTALL)];
  }
};

const BUILT = {
  kernel: ['build/sift.wasm', 'build/adam.wasm'],
  site: ['build/site/index.html', 'build/site/openapi.json'],
};

export const builtCheck: Check = async () =>
  Object.entries(BUILT).map(([name, files]) => {
    const missing = files.filter((file) => !existsSync(join(ROOT, file)));
    return missing.length === 0
      ? ok(name, `the ${name} is built`)
      : warn(
          name,
          `the ${name} is not built`,
          `no ${missing.join(', ')}`,
          'serve builds it when it starts; npm run build does now',
        );
  });
