// Everything that serves, on this machine: the embedded backend behind the gateway, and the edge with its local index.
import { join, resolve } from 'node:path';
import { buildKernel } from '../assembly/build.ts';
import { UsageError } from '../cli/arguments.ts';
import { type EdgeClient, edgeClient } from '../client/edge.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { registryOf } from '../gateway/backends/registry.ts';
import { serveGateway } from '../gateway/serve.ts';
import { startEdge } from './edge.ts';
import type { EmbedderFiles } from './embedder.ts';
import { loadSecrets } from './state.ts';

export interface StackOptions {
  readonly root: string;
  /** Where secrets, vectors and texts are kept between starts. */
  readonly state: string;
  /** The model's directory. */
  readonly model: string;
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
  close(): Promise<void>;
}

export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { root, state } = options;
  await buildKernel();
  const { apiKey, gatewaySecret } = await loadSecrets(state);
  const models = { base: resolve(root, options.model) };
  const backend = await createEmbeddedBackend({ models }).catch((error: unknown) => {
    throw new UsageError(error instanceof Error ? error.message : String(error));
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
      close: () => {
        closing ??= Promise.all([edge.close(), gateway.close(0)]).then(() => {});
        return closing;
      },
    };
  } catch (error) {
    await gateway.close(0);
    throw error;
  }
};
