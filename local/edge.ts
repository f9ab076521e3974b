// The edge on this machine: both Workers bundled and run by Miniflare, with everything they store kept in a directory.
// The same code as in production; only the bindings differ (wrangler.local.toml is this file for `wrangler dev`).

import { join } from 'node:path';
import { Log, LogLevel, Miniflare, type MiniflareOptions } from 'miniflare';
import { bundle, COMPATIBILITY_DATE, MAIN_MODULE } from './bundle.ts';
import type { EmbedderFiles } from './embedder.ts';
import { removeVacant } from './vacant.ts';

export interface EdgeOptions {
  readonly root: string;
  /** Where vectors, texts and catalogues are kept. */
  readonly state: string;
  readonly embedder: EmbedderFiles;
  readonly port: number;
  readonly apiKey: string;
  readonly gatewayUrl: string;
  readonly gatewaySecret: string;
  readonly defaultCorpus: string;
}

export interface RunningEdge {
  readonly url: string;
  close(): Promise<void>;
}

type Worker = NonNullable<MiniflareOptions['workers']>[number];
const texts = (vars: Record<string, string>): Record<string, { type: 'text'; value: string }> =>
  Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, { type: 'text', value }]));

const workers = async (options: EdgeOptions): Promise<Worker[]> => {
  const at = (...parts: string[]): string => join(options.root, ...parts);
  const { directory, dimensions } = options.embedder;
  const [edge, vectorize] = await Promise.all([
    bundle(at('functions/index.ts'), { embedder: directory, minify: true }),
    bundle(at('local/vectorize/index.ts'), { minify: true }),
  ]);
  return [
    {
      config: {
        name: 'sift-edge',
        compatibilityDate: COMPATIBILITY_DATE,
        compatibilityFlags: ['enable_request_signal', 'request_signal_passthrough'],
        manifest: { mainModule: MAIN_MODULE, modules: edge },
        env: {
          VECTORIZE: { type: 'worker', worker: 'vectorize-local' },
          TEXTS: { type: 'r2', name: 'sift-texts' },
          CATALOGUE: { type: 'durable-object', worker: 'sift-edge', exportName: 'Catalogue' },
          CORPORA: { type: 'durable-object', worker: 'sift-edge', exportName: 'CorpusList' },
          ...texts({
            EMBEDDER: 'onnx',
            GATEWAY_URL: options.gatewayUrl,
            DEFAULT_CORPUS: options.defaultCorpus,
            API_KEY: options.apiKey,
            GATEWAY_SECRET: options.gatewaySecret,
          }),
        },
        exports: {
          Catalogue: { type: 'durable-object', storage: 'sqlite' },
          CorpusList: { type: 'durable-object', storage: 'sqlite' },
        },
      },
    },
    {
      config: {
        name: 'vectorize-local',
        compatibilityDate: COMPATIBILITY_DATE,
        manifest: { mainModule: MAIN_MODULE, modules: vectorize },
        env: {
          INDEX: { type: 'durable-object', worker: 'vectorize-local', exportName: 'VectorIndex' },
          ...texts({ DIMENSIONS: String(dimensions), METADATA_INDEXES: 'source:string,meta.lang:string' }),
        },
        exports: { VectorIndex: { type: 'durable-object', storage: 'sqlite' } },
      },
    },
  ];
};

/** Serves on 127.0.0.1; the caller has checked that the port is free. */
export const startEdge = async (options: EdgeOptions): Promise<RunningEdge> => {
  await removeVacant(options.state, ['sift-edge-Catalogue', 'sift-edge-CorpusList']);
  const miniflare = new Miniflare({
    workers: await workers(options),
    host: '127.0.0.1',
    port: options.port,
    resourcePersistencePath: options.state,
    log: new Log(LogLevel.ERROR),
    cf: false,
  });
  const url = await miniflare.ready;
  return { url: url.origin, close: () => miniflare.dispose() };
};
