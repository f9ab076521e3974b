// Everything that serves, on this machine: the embedded backend behind the gateway, beside it those on other machines, and
// the edge with its local index.

import { join, resolve } from 'node:path';
import { buildKernel } from '../assembly/build.ts';
import { createClient, type SiftClient } from '../client/index.ts';
import type { TuningDefaults } from '../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { createBackends } from '../gateway/backends/file.ts';
import { closeAll, createRegistry } from '../gateway/backends/registry.ts';
import { adjustable } from '../gateway/given.ts';
import { serveGateway } from '../gateway/serve.ts';
import { buildSite } from '../site/build.ts';
import { at } from '../wire/list.ts';
import { messageOf } from '../wire/message.ts';
import type { LogLevel } from '../wire/request-line.ts';
import { UsageError } from '../wire/usage.ts';
import { startEdge } from './edge.ts';
import type { EmbedderFiles } from './embedder.ts';
import { loadSecrets } from './state.ts';

/** The name that callers know the model by. */
const MODEL = 'base';

export interface StackOptions {
  readonly root: string;
  /** Where secrets, vectors and texts are kept between starts. */
  readonly state: string;
  /** The model's directory. */
  readonly model: string;
  /** A file that names backends on other machines, whose models are served as well. */
  readonly backends?: string;
  /** Processes that tune and generate; 1 when absent. */
  readonly workers?: number;
  /** Threads of each; 1 when absent. */
  readonly threads?: number;
  /** Milliseconds a request may take in all; the gateway's own when absent. */
  readonly deadlineMs?: number;
  readonly embedder: EmbedderFiles;
  readonly port: number;
  readonly gatewayPort: number;
  readonly defaultCorpus: string;
  /** Which requests edge and gateway tell of on stderr; by default those that failed on our side. */
  readonly logLevel?: LogLevel;
}

export interface Stack {
  readonly edge: string;
  readonly gateway: string;
  readonly key: string;
  readonly client: SiftClient;
  /** What there is to know of the model: its size, and how it is tuned where a request leaves it to the server. */
  readonly parameters: number;
  readonly defaults: TuningDefaults;
  setDefaults(defaults: TuningDefaults): void;
  /** Waits up to `graceMs` (default 0) for requests in flight. */
  close(graceMs?: number): Promise<void>;
}

export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { root, state } = options;
  await Promise.all([buildKernel(), buildSite()]);
  const { apiKey, gatewaySecret } = await loadSecrets(state);
  const models = { [MODEL]: resolve(root, options.model) };
  const { workers = 1, threads = 1, deadlineMs, logLevel } = options;
  const log = logLevel === undefined ? {} : { logLevel };
  const remote = options.backends === undefined ? {} : await createBackends(options.backends, process.env);
  const embedded = await createEmbeddedBackend({ models, workers, threads }).catch(async (error: unknown) => {
    await closeAll(Object.values(remote));
    throw new UsageError(messageOf(error));
  });
  const { backend, defaultsOf, setDefaults } = adjustable(embedded);
  const serve = async () =>
    serveGateway({
      registry: createRegistry({ embedded: backend, ...remote }),
      secret: gatewaySecret,
      port: options.gatewayPort,
      ...log,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
  const gateway = await serve().catch(async (error: unknown) => {
    await closeAll([embedded, ...Object.values(remote)]);
    throw error;
  });
  try {
    const edge = await startEdge({
      root,
      state: join(state, 'edge'),
      embedder: options.embedder,
      port: options.port,
      apiKey,
      gatewayUrl: gateway.url,
      gatewaySecret,
      defaultCorpus: options.defaultCorpus,
      ...log,
    });
    let closing: Promise<void> | undefined;
    return {
      edge: edge.url,
      gateway: gateway.url,
      key: apiKey,
      // what fails is told at once: who started it watches
      client: createClient({ baseURL: edge.url, key: apiKey, retries: 0 }),
      parameters: at(backend.models, 0).parameters,
      get defaults() {
        return defaultsOf(MODEL);
      },
      setDefaults: (defaults) => setDefaults(MODEL, defaults),
      close: (graceMs = 0) => {
        // the edge first: what it has in flight may need the gateway
        closing ??= edge.close(graceMs).finally(() => gateway.close(0));
        return closing;
      },
    };
  } catch (error) {
    await gateway.close(0);
    throw error;
  }
};
