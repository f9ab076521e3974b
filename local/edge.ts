// The edge on this machine: both Workers bundled and run in workerd, with everything they store kept in a directory, and
// the front before them. The same code as in production; only the bindings differ. test/local/configuration.test.ts
// compares them, name by name, with wrangler.local.toml and local/vectorize/wrangler.toml, which `wrangler dev` reads.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { GatewaySpec } from '../wire/gateways.ts';
import type { LogLevel } from '../wire/request-line.ts';
import { bundle } from './bundle.ts';
import { FRONT_HEADER } from './doors.ts';
import type { EmbedderFiles } from './embedder.ts';
import { serveFront } from './front.ts';
import { removeVacant } from './vacant.ts';
import { type Modules, startWorkerd, type WorkerOptions } from './workerd.ts';

export interface EdgeOptions {
  readonly root: string;
  /** Where vectors, texts and catalogues are kept. */
  readonly state: string;
  readonly embedder: EmbedderFiles;
  readonly port: number;
  readonly apiKey: string;
  readonly gatewayUrl: string;
  /** Several in its place, as GATEWAYS names them. */
  readonly gateways?: readonly GatewaySpec[];
  readonly gatewaySecret: string;
  readonly defaultCorpus: string;
  /** Which requests the console is told of; by default those that failed on our side. */
  readonly logLevel?: LogLevel;
  /** What is written on the console; to stderr by default. */
  readonly onLine?: (line: string) => void;
}

export interface RunningEdge {
  readonly url: string;
  /** Waits up to `graceMs` (default 0) for answers in flight. */
  close(graceMs?: number): Promise<void>;
}

interface Bundles {
  readonly edge: Modules;
  readonly vectorize: Modules;
}

/** The edge's Durable Objects. */
const OBJECTS = ['Catalogue', 'CorpusList', 'KeyRing', 'Meter', 'Idempotency'] as const;
/** Properties that filters may name here; a vector is indexed as it was when written. */
const FILTERABLE = { lang: 'string' } as const;

const metadataIndexes = (properties: Readonly<Record<string, string>>): string =>
  [...Object.entries(properties).map(([name, type]) => `meta.${name}:${type}`), 'source:string'].join(',');

/** The Workers as workerd is given them. */
export const edgeWorkers = (
  { edge, vectorize }: Bundles,
  {
    root,
    embedder,
    apiKey,
    gatewayUrl,
    gateways,
    gatewaySecret,
    defaultCorpus,
    logLevel = 'error',
  }: Omit<EdgeOptions, 'embedder'> & { readonly embedder: Pick<EmbedderFiles, 'dimensions'> },
  frontSecret: string,
): WorkerOptions[] => [
  {
    name: 'sift-edge',
    modules: edge,
    compatibilityFlags: ['enable_request_signal', 'request_signal_passthrough'],
    bindings: {
      VECTORIZE: { type: 'worker', worker: 'vectorize-local' },
      TEXTS: { type: 'r2', name: 'sift-texts' },
      SELECTIONS: { type: 'kv', id: 'sift-selections' },
      CATALOGUE: { type: 'durable-object', worker: 'sift-edge', exportName: 'Catalogue' },
      CORPORA: { type: 'durable-object', worker: 'sift-edge', exportName: 'CorpusList' },
      ASSETS: { type: 'assets' },
      KEYS: { type: 'kv', id: 'sift-keys' },
      KEY_RING: { type: 'durable-object', worker: 'sift-edge', exportName: 'KeyRing' },
      METER: { type: 'durable-object', worker: 'sift-edge', exportName: 'Meter' },
      IDEMPOTENCY: { type: 'durable-object', worker: 'sift-edge', exportName: 'Idempotency' },
    },
    site: join(root, 'build/site'),
    objects: [...OBJECTS],
    vars: {
      EMBEDDER: 'onnx',
      GATEWAY_URL: gatewayUrl,
      ...(gateways === undefined ? {} : { GATEWAYS: JSON.stringify(gateways) }),
      DEFAULT_CORPUS: defaultCorpus,
      STEPS_PER_MINUTE: '0',
      LOG_LEVEL: logLevel,
      FILTERABLE: JSON.stringify(FILTERABLE),
      SELECTION_TTL_S: '86400',
      // the local Vectorize shows a write at once
      INDEX_SETTLE_S: '0',
      API_KEY: apiKey,
      GATEWAY_SECRET: gatewaySecret,
      FRONT_SECRET: frontSecret,
    },
  },
  {
    // without DOOR_SECRET: nothing reaches it but the edge's own binding
    name: 'vectorize-local',
    modules: vectorize,
    bindings: { INDEX: { type: 'durable-object', worker: 'vectorize-local', exportName: 'VectorIndex' } },
    objects: ['VectorIndex'],
    vars: {
      DIMENSIONS: String(embedder.dimensions),
      METRIC: 'cosine',
      METADATA_INDEXES: metadataIndexes(FILTERABLE),
    },
  },
];

const bundles = async (root: string, embedder: EmbedderFiles): Promise<Bundles> => {
  const [edge, vectorize] = await Promise.all([
    bundle(join(root, 'local/worker/index.ts'), { embedder, minify: true }),
    bundle(join(root, 'local/vectorize/index.ts'), { minify: true }),
  ]);
  return { edge, vectorize };
};

/** Serves on 127.0.0.1. Rejects with Node's EADDRINUSE when the port is taken. */
export const startEdge = async (options: EdgeOptions): Promise<RunningEdge> => {
  const frontSecret = randomBytes(32).toString('hex');
  await removeVacant(
    options.state,
    OBJECTS.map((name) => `sift-edge-${name}`),
  );
  const starting = bundles(options.root, options.embedder).then((modules) =>
    startWorkerd(edgeWorkers(modules, options, frontSecret), options.state, options.onLine),
  );
  const front = await serveFront({
    port: options.port,
    upstream: starting.then(({ url }) => url),
    headers: {
      [FRONT_HEADER]: frontSecret,
      // Miniflare's page for an error shows the code around it
      'mf-disable-pretty-error': 'true',
    },
  }).catch(async (error: unknown) => {
    await starting.then(({ stop }) => stop()).catch(() => {}); // the port's error is the one to tell
    throw error;
  });
  try {
    const { stop } = await starting;
    return {
      url: `http://127.0.0.1:${front.port}`,
      close: async (graceMs = 0) => {
        await front.close(graceMs);
        await stop();
      },
    };
  } catch (error) {
    await front.close(0);
    throw error;
  }
};
