// Starts what is measured: the edge and a bare Worker in a workerd each, the gateway and a bare server in a process each.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bundle, startBareWorker } from '../../local/bundle.ts';
import { edgeWorkers } from '../../local/edge.ts';
import type { EmbedderFiles } from '../../local/embedder.ts';
import { type Modules, type Runtime, startWorkerd } from '../../local/workerd.ts';
import { at } from '../../wire/list.ts';
import { workerds } from './processor.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
export const KEY = 'sk-bench-only-here';
export const GATEWAY_SECRET = randomBytes(16).toString('hex');

export interface Server {
  readonly url: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

const inWorkerd = async (start: () => Promise<Runtime>): Promise<Server> => {
  const before = await workerds();
  const { url, stop } = await start();
  const pid = [...(await workerds())].find((one) => !before.has(one));
  return { url: url.href.replace(/\/$/, ''), pid, stop };
};

export interface Bundles {
  readonly edge: Modules;
  readonly vectorize: Modules;
  readonly memo: Modules;
  readonly bare: Modules;
}

export const makeBundles = async (root: string, embedder: EmbedderFiles): Promise<Bundles> => {
  const [edge, vectorize, bare, memo] = await Promise.all([
    // as it is deployed: without the checks that npm start puts before it
    bundle(join(root, 'functions/index.ts'), { embedder, minify: true }),
    bundle(join(root, 'local/vectorize/index.ts'), { minify: true }),
    bundle(here('bare.ts'), { minify: true }),
    readFile(here('memo.js'), 'utf8'),
  ]);
  return { edge, vectorize, bare, memo: { 'index.js': { type: 'esm', contents: memo } } };
};

export const startEdgeServer = (
  bundles: Bundles,
  options: { root: string; state: string; embedder: EmbedderFiles; gatewayUrl: string },
): Promise<Server> => {
  const asked = { ...options, port: 0, apiKey: KEY, gatewaySecret: GATEWAY_SECRET, defaultCorpus: 'bench' };
  const made = edgeWorkers(bundles, { ...asked, logLevel: 'info' }, '');
  const edge = at(made, 0);
  const workers = [
    { ...edge, bindings: { ...edge.bindings, VECTORIZE: { type: 'worker', worker: 'memo' } } },
    at(made, 1),
    { name: 'memo', modules: bundles.memo, bindings: { INDEX: { type: 'worker', worker: 'vectorize-local' } } },
  ];
  // its lines are written, and read by nobody
  return inWorkerd(() => startWorkerd(workers, options.state, () => {}));
};

export const startBareWorkerd = (bundles: Bundles): Promise<Server> =>
  inWorkerd(() => startBareWorker('bare', bundles.bare));

/** A process of its own; its stderr goes nowhere, as a log would that is read elsewhere. */
export const startServer = async (kind: 'gateway' | 'bare'): Promise<Server> => {
  const child = spawn(process.execPath, [here('server.ts'), kind], {
    env: { ...process.env, GATEWAY_SECRET },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    url,
    pid: child.pid,
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
};
