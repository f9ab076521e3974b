// `npm run gateway`: the gateway as a process of its own, with models on this machine, on other machines, or both.
// The secret it shares with the edge comes from GATEWAY_SECRET and is never given on the command line.
// Exit codes: 0 after a shutdown that was asked for (SIGTERM or SIGINT), 128 + the signal's number if a second signal cut
// it short, 2 if it could not start as it was called, 1 if it broke.

import { constants } from 'node:os';
import type { Backend } from '../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { createBackends } from '../gateway/backends/file.ts';
import { closeAll, createRegistry } from '../gateway/backends/registry.ts';
import { logInfo } from '../gateway/log.ts';
import { secretOf } from '../gateway/secret.ts';
import { serveGateway } from '../gateway/serve.ts';
import {
  ADAPTER_BYTES,
  ADAPTER_TTL_MS,
  MAX_DEADLINE_MS,
  MAX_DRAIN_S,
  MIN_SECRET_CHARACTERS,
  SHUTDOWN_GRACE_MS,
  TUNE_DEADLINE_MS,
} from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { logLevelOf } from '../wire/request-line.ts';
import { optionsOf, UsageError, whole } from './arguments.ts';
import { MACHINE_FLAGS, machineOf } from './tuning-flags.ts';

const HELP = `npm run gateway -- [options]        (GATEWAY_SECRET: at least ${MIN_SECRET_CHARACTERS} characters, shared with the edge;
                        GATEWAY_SECRET_PREVIOUS: accepted beside it while secrets are changed;
                        GATEWAY_SECRET_FILE, GATEWAY_SECRET_PREVIOUS_FILE: files that hold them;
                        SIFT_LOG: off, error, warn, info (default) or debug: which requests are told of on stderr)
  --model NAME=DIR      a model to serve, from a directory in Hugging Face layout; repeatable (default base=models/base,
                        or none where --backends is given)
  --backends FILE       servers on other machines and their models: JSON, see docs/backends.md (default GATEWAY_BACKENDS)
  --weight TENANT=N     a tenant's share of the work beside others, 1 to 1000; repeatable (default 1)
  --host HOST           where to listen (default 127.0.0.1)
  --port PORT           (default 8788; 0: any free port)
  --workers N           sessions at once, a process each (default 1)
  --threads N           threads inside one computation (default 1)
  --adapter-mb N        megabytes of adapters kept for requests with the same selection (default ${ADAPTER_BYTES >> 20}; 0: none)
  --adapter-minutes N   how long each is kept at most (default ${ADAPTER_TTL_MS / 60_000})
  --drain SECONDS       what requests in flight get after SIGTERM, up to ${MAX_DRAIN_S} (default ${SHUTDOWN_GRACE_MS / 1000})
  --deadline SECONDS    what a request may take in all, up to ${MAX_DEADLINE_MS / 1000} (default SIFT_DEADLINE, or ${TUNE_DEADLINE_MS / 1000})
`;

/** NAME=VALUE options of one kind, each name once. */
const pairs = (option: string, shape: string, texts: readonly string[]): Map<string, string> => {
  const found = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at <= 0 || at === text.length - 1) throw new UsageError(`--${option} is '${text}', it must be ${shape}`);
    const name = text.slice(0, at);
    if (found.has(name)) throw new UsageError(`--${option} names '${name}' twice`);
    found.set(name, text.slice(at + 1));
  }
  return found;
};

const parse = () => {
  const values = optionsOf({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      model: { type: 'string', multiple: true },
      backends: { type: 'string' },
      weight: { type: 'string', multiple: true, default: [] },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8788' },
      'adapter-mb': { type: 'string', default: String(ADAPTER_BYTES >> 20) },
      'adapter-minutes': { type: 'string', default: String(ADAPTER_TTL_MS / 60_000) },
      drain: { type: 'string', default: String(SHUTDOWN_GRACE_MS / 1000) },
      ...MACHINE_FLAGS,
    },
  });
  const weights = pairs('weight', 'TENANT=N', values.weight);
  const backends = values.backends ?? (process.env.GATEWAY_BACKENDS || undefined);
  const models = values.model ?? (backends === undefined ? ['base=models/base'] : []);
  return {
    help: values.help,
    models: Object.fromEntries(pairs('model', 'NAME=DIR', models)),
    backends,
    weights: new Map(Array.from(weights, ([tenant, text]) => [tenant, whole('weight', text, 1, 1_000)])),
    host: values.host,
    port: whole('port', values.port, 0, 65_535),
    adapters: {
      maxBytes: whole('adapter-mb', values['adapter-mb'], 0, 1_000_000) * 2 ** 20,
      ttlMs: whole('adapter-minutes', values['adapter-minutes'], 1, 10_000) * 60_000,
    },
    drainMs: 1000 * whole('drain', values.drain, 0, MAX_DRAIN_S),
    machine: machineOf(values),
  };
};

type Backends = Readonly<Record<string, Backend>>;

/** The embedded backend, where it has a model, and those of the file. */
const backendsOf = async ({ models, backends, machine }: ReturnType<typeof parse>): Promise<Backends> => {
  const { workers = 1, threads = 1 } = machine;
  // first, since it says at once what is wrong
  const remote = backends === undefined ? {} : await createBackends(backends, process.env);
  if (Object.keys(models).length === 0) return remote;
  const embedded = await createEmbeddedBackend({ models, workers, threads }).catch(async (error: unknown) => {
    await closeAll(Object.values(remote));
    throw error;
  });
  return { embedded, ...remote };
};

const tooShort = (name: string): string => `${name} is missing or shorter than ${MIN_SECRET_CHARACTERS} characters`;

const sharedSecret = async (name: string): Promise<string | undefined> => {
  const secret = await secretOf(name, process.env);
  if (secret !== undefined && secret.length < MIN_SECRET_CHARACTERS) throw new UsageError(tooShort(name));
  return secret;
};

const main = async (): Promise<void> => {
  const options = parse();
  if (options.help) return void process.stdout.write(HELP);
  const secret = await sharedSecret('GATEWAY_SECRET');
  if (secret === undefined) throw new UsageError(tooShort('GATEWAY_SECRET'));
  const previousSecret = await sharedSecret('GATEWAY_SECRET_PREVIOUS');
  const { machine, weights, adapters, host, port, drainMs } = options;
  const { deadlineMs } = machine;
  const limits = {
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(previousSecret === undefined ? {} : { previousSecret }),
  };
  const logLevel = logLevelOf(process.env.SIFT_LOG, 'info');
  const backends = await backendsOf(options);
  const serve = async () => {
    const registry = createRegistry(backends);
    const gateway = await serveGateway({ registry, secret, weights, adapters, host, port, logLevel, ...limits });
    return { gateway, registry };
  };
  const { gateway, registry } = await serve().catch(async (error: unknown) => {
    await closeAll(Object.values(backends));
    throw error;
  });
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(128 + constants.signals[signal]);
      asked = true;
      logInfo('shutting down', { signal });
      gateway.close(drainMs).then(
        () => process.exit(0),
        (error: unknown) => end(1, error),
      );
    });
  }
  logInfo('ready', { url: gateway.url, models: registry.models.map(({ id }) => id) });
};

const end = (code: number, error: unknown): void => {
  process.stderr.write(`gateway: ${messageOf(error)}\n`);
  process.exitCode = code;
  process.exit();
};

// whoever read this process's output may end before it does: that must not end the work of those inside
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
main().catch((error: unknown) => end(2, error));
