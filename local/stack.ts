// Everything that serves, on this machine: the embedded backend behind the gateway, and the edge with its local index.

import { join, resolve } from 'node:path';
import { buildKernel } from '../assembly/build.ts';
import { type EdgeClient, edgeClient } from '../client/edge.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { registryOf } from '../gateway/backends/registry.ts';
import { serveGateway } from '../gateway/serve.ts';
import { messageOf } from '../wire/message.ts';
import { UsageError } from '../wire/usage.ts';
import { startEdge } from './edge.ts';
import type { EmbedderFiles } from './embedder.ts';
import { loadSecrets } from './state.ts';

export interface StackOptions {
  readonly root: string;
  /** Where secrets, vectors and texts are kept between starts. */
  readonly state: string;
  /** The model's directory. */
  readonly model: string;
  /** Processes that tune and generate; 1 when absent. */
  readonly workers?: number;
  readonly embedder: EmbedderFiles;
  readonly port: number;
  readonly gatewayPort: number;
  readonly defaultCorpus: string;
}

export interface Stack {
  readonly edge: string;
  readonly gateway: string;
  readonly key: string;
  readonly client: EdgeClient;
  /** Waits up to `graceMs` (default 0) for requests in flight. */
  close(graceMs?: number): Promise<void>;
}

export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { root, state } = options;
  await buildKernel();
  const { apiKey, gatewaySecret } = await loadSecrets(state);
  const models = { base: resolve(root, options.model) };
  const backend = await createEmbeddedBackend({ models, workers: options.workers ?? 1 }).catch((error: unknown) => {
    throw new UsageError(messageOf(error));
  });
  const gateway = await serveGateway({
    registry: registryOf(backend),
    secret: gatewaySecret,
    port: options.gatewayPort,
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
    });
    let closing: Promise<void> | undefined;
    return {
      edge: edge.url,
      gateway: gateway.url,
      key: apiKey,
      client: edgeClient(edge.url, apiKey),
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
