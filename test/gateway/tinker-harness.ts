// A `tinker` backend over scripted servers, for the tests here: short clocks, and everything ended after each test.
import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { Backend, OpenOptions } from '../../gateway/backends/contract.ts';
import { tinkerConfig } from '../../gateway/backends/tinker/config.ts';
import { createTinkerBackend, type TinkerOptions } from '../../gateway/backends/tinker/index.ts';
import { MODEL, type ScriptOptions, startTinkerServer, type TinkerServer } from './tinker-server.ts';

let servers: TinkerServer[] = [];
let backends: Backend[] = [];
/** What was logged during the present test. */
export let logged: string[] = [];
beforeEach(() => {
  logged = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    logged.push(String(line));
    return true;
  });
});
afterEach(async () => {
  await Promise.all(backends.map((backend) => backend.close()));
  await Promise.all(servers.map((server) => server.kill()));
  [servers, backends] = [[], []];
  vi.restoreAllMocks();
});

export const scripted = async (options: ScriptOptions = {}): Promise<TinkerServer> => {
  const server = await startTinkerServer(options);
  servers.push(server);
  return server;
};

/** For a server that says nothing: far below the product's clocks, so that no test waits long. */
export const SHORT = { firstByteMs: 500, idleMs: 500, pollMs: 600 };

export const backendOver = async (
  over: readonly TinkerServer[],
  options: Partial<TinkerOptions> = {},
  config: object = {},
): Promise<Backend> => {
  const backend = await createTinkerBackend({
    name: 'gpu',
    config: tinkerConfig.parse({
      type: 'tinker',
      servers: over.map(({ url }) => ({ url })),
      models: [{ name: 'tiny', serverName: MODEL }],
      ...config,
    }),
    env: {},
    ...options,
  });
  backends.push(backend);
  return backend;
};

export const OPEN: OpenOptions = {
  model: 'tiny',
  method: 'lora',
  rank: 4,
  seed: 1,
  reuseGradients: false,
  optimiser: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};
export const never = new AbortController().signal;
export const greedy = { maxTokens: 6, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 } as const;

/** What will be so: the machine may be busy, and a tokenizer's thread takes its time to begin. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 15_000 });
