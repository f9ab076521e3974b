// Starts workerd with bench/kernel/worker.ts, one Worker for each kind, so that neither evicts the other's problem.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Log, LogLevel, Miniflare, type MiniflareOptions } from 'miniflare';
import type { Shape } from './inputs.ts';
import type { Kind, Mode } from './subject.ts';

export interface Workerd {
  /** Milliseconds of one request that makes `repetitions` selections. */
  run(kind: Kind, mode: Mode, shape: Shape, repetitions: number): Promise<{ ms: number; picks: number[] }>;
  stop(): Promise<void>;
}

type Module = { type: 'wasm' | 'esm'; contents: string | Uint8Array<ArrayBuffer> };

const start = async (name: string, modules: Record<string, Module>): Promise<Miniflare> =>
  new Miniflare({
    log: new Log(LogLevel.ERROR),
    cf: false,
    workers: [
      { config: { name, compatibilityDate: '2026-10-01', manifest: { mainModule: 'index.js', modules }, env: {} } },
    ],
  } as MiniflareOptions);

export const startWorkerd = async (): Promise<Workerd> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    entryNames: 'index',
    bundle: true,
    format: 'esm',
    target: 'es2024',
    write: false,
    outdir: 'bundle',
    loader: { '.wasm': 'copy' },
    logLevel: 'error',
  });
  const modules: Record<string, Module> = {};
  for (const file of outputFiles) {
    const name = file.path.split(/[\\/]/).at(-1) ?? file.path;
    modules[name] = name.endsWith('.wasm')
      ? { type: 'wasm', contents: new Uint8Array(file.contents) }
      : { type: 'esm', contents: file.text };
  }
  const workers: Record<Kind, Miniflare> = { f32: await start('f32', modules), q15: await start('q15', modules) };
  const urls: Record<Kind, URL> = { f32: await workers.f32.ready, q15: await workers.q15.ready };
  return {
    async run(kind, mode, { K, d }, repetitions) {
      const url = new URL(`?kind=${kind}&mode=${mode}&K=${K}&d=${d}&repetitions=${repetitions}`, urls[kind]);
      const from = performance.now();
      const response = await fetch(url);
      const body = await response.text();
      const ms = performance.now() - from;
      if (!response.ok) throw new Error(`workerd answered ${response.status}: ${body}`);
      const { picks } = JSON.parse(body) as { picks: number[] };
      return { ms, picks };
    },
    stop: async () => {
      await workers.f32.dispose();
      await workers.q15.dispose();
    },
  };
};
