// The edge in a bare workerd, without wrangler's development proxy, which never tells a Worker that its caller went away.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Log, LogLevel, Miniflare, type MiniflareOptions } from 'miniflare';
import { buildKernel } from '../../assembly/build.ts';
import { DIMENSIONS, type Edge, edgeAt, GATEWAY_SECRET, KEY } from './harness.ts';

const COMPATIBILITY_DATE = '2026-10-01';
const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

type Modules = Record<string, { type: 'esm' | 'wasm' | 'data'; contents: string | Uint8Array<ArrayBuffer> }>;

const bundle = async (entry: string): Promise<Modules> => {
  const { outputFiles } = await build({
    entryPoints: [root(entry)],
    entryNames: 'index',
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    write: false,
    outdir: 'bundle',
    external: ['cloudflare:workers'],
    loader: { '.wasm': 'copy', '.onnx': 'copy' },
    logLevel: 'error',
  });
  const modules: Modules = {};
  for (const file of outputFiles) {
    const name = file.path.split(/[\\/]/).at(-1) ?? file.path;
    if (name.endsWith('.wasm')) modules[name] = { type: 'wasm', contents: new Uint8Array(file.contents) };
    else if (name.endsWith('.onnx')) modules[name] = { type: 'data', contents: new Uint8Array(file.contents) };
    else modules[name] = { type: 'esm', contents: file.text };
  }
  return modules;
};

const text = (value: string) => ({ type: 'text', value });
const object = (worker: string, exportName: string) => ({ type: 'durable-object', worker, exportName });
const sqlite = { type: 'durable-object', storage: 'sqlite' };

export const startBareEdge = async (gatewayUrl: string): Promise<Edge> => {
  await buildKernel();
  const [edge, vectorize] = await Promise.all([
    bundle('functions/index.ts'),
    bundle('functions/vectorize-local/index.ts'),
  ]);
  const workers = [
    {
      config: {
        name: 'sift-edge',
        compatibilityDate: COMPATIBILITY_DATE,
        compatibilityFlags: ['enable_request_signal', 'request_signal_passthrough'],
        manifest: { mainModule: 'index.js', modules: edge },
        env: {
          VECTORIZE: { type: 'worker', worker: 'vectorize-local' },
          TEXTS: { type: 'r2', name: 'sift-texts' },
          CATALOGUE: object('sift-edge', 'Catalogue'),
          CORPORA: object('sift-edge', 'CorpusList'),
          EMBEDDER: text('onnx'),
          GATEWAY_URL: text(gatewayUrl),
          GATEWAY_SECRET: text(GATEWAY_SECRET),
          API_KEY: text(KEY),
        },
        exports: { Catalogue: sqlite, CorpusList: sqlite },
      },
    },
    {
      config: {
        name: 'vectorize-local',
        compatibilityDate: COMPATIBILITY_DATE,
        manifest: { mainModule: 'index.js', modules: vectorize },
        env: { INDEX: object('vectorize-local', 'VectorIndex'), DIMENSIONS: text(String(DIMENSIONS)) },
        exports: { VectorIndex: sqlite },
      },
    },
  ];
  const miniflare = new Miniflare({ log: new Log(LogLevel.ERROR), cf: false, workers } as MiniflareOptions);
  const url = await miniflare.ready;
  return edgeAt(
    url,
    async () => {
      throw new Error('this edge has no switches');
    },
    () => miniflare.dispose(),
  );
};
