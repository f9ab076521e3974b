// The one place that starts workerd: what npm start, tests and benches run their Workers in.
// Miniflare listens on 127.0.0.1 only. Its registry of Workers is off: it would open a debugging port on which any
// process of this machine can call every Worker. workerd ends with this process, however this process ends (watch.ts).
import type { Miniflare, MiniflareOptions } from 'miniflare';
import './growth.ts';
import { watch } from './watch.ts';

export type Modules = Record<string, { type: 'esm' | 'wasm' | 'data'; contents: string | Uint8Array<ArrayBuffer> }>;

/** As in wrangler.toml, wrangler.local.toml and local/vectorize/wrangler.toml (test/local/configuration.test.ts). */
export const COMPATIBILITY_DATE = '2026-10-01';
export const MAIN_MODULE = 'index.js';

export interface WorkerOptions {
  readonly name: string;
  readonly modules: Modules;
  readonly mainModule?: string;
  readonly compatibilityFlags?: readonly string[];
  /** Bindings as Miniflare takes them, vars apart. */
  readonly bindings?: Readonly<Record<string, object>>;
  readonly vars?: Readonly<Record<string, string>>;
  /** Durable Object classes that the main module exports; all of them keep SQLite. */
  readonly objects?: readonly string[];
  /** A directory of files, bound as ASSETS; the Worker sees every request first. */
  readonly site?: string;
  /** Miniflare's own switches of a Worker. */
  readonly dev?: object;
}

export interface Runtime {
  /** Miniflare's own address: it answers for the first Worker. */
  readonly url: URL;
  /** Ends workerd. */
  stop(): Promise<void>;
}

const configOf = ({
  name,
  modules,
  mainModule,
  compatibilityFlags,
  bindings,
  vars,
  objects,
  site,
  dev,
}: WorkerOptions) => ({
  config: {
    name,
    compatibilityDate: COMPATIBILITY_DATE,
    ...(compatibilityFlags === undefined ? {} : { compatibilityFlags }),
    manifest: { mainModule: mainModule ?? MAIN_MODULE, modules },
    env: {
      ...bindings,
      ...Object.fromEntries(Object.entries(vars ?? {}).map(([key, value]) => [key, { type: 'text', value }])),
    },
    ...(site === undefined ? {} : { assets: { directory: site, hasUserWorker: true, runWorkerFirst: true } }),
    exports: Object.fromEntries(
      (objects ?? []).map((object) => [object, { type: 'durable-object', storage: 'sqlite' }]),
    ),
  },
  ...(dev === undefined ? {} : { dev }),
});

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Miniflare ends the process at once on a signal; whoever runs it may have answers to finish first. */
const withoutSignalHandlers = <T>(make: () => T): T => {
  const before = new Map(SIGNALS.map((signal) => [signal, new Set(process.listeners(signal))]));
  const made = make();
  for (const [signal, known] of before) {
    for (const listener of process.listeners(signal)) {
      if (!known.has(listener)) process.removeListener(signal, listener);
    }
  }
  return made;
};

/** What Workers write on their console; stdout is for what a command was asked for. */
const toStderr = (line: string): void => void process.stderr.write(`${line}\n`);

/** Runs these Workers on a free port; with `state` what they store outlives `stop()`. */
export const startWorkerd = async (
  workers: readonly WorkerOptions[],
  state?: string,
  onLine: (line: string) => void = toStderr,
): Promise<Runtime> => {
  // here and not above: growth.ts must have been run before it is loaded
  const { Log, LogLevel, Miniflare: Runner } = await import('miniflare');
  const { command, env, end } = await watch();
  // Miniflare reads this variable each time it starts the runtime
  process.env.MINIFLARE_WORKERD_PATH = command;
  const options = {
    workers: workers.map(configOf),
    host: '127.0.0.1',
    port: 0,
    log: new Log(LogLevel.ERROR),
    cf: false,
    enableDevRegistry: false,
    logRequests: false,
    unsafeRuntimeEnv: env,
    handleStructuredLogs: ({ message }: { readonly message: string }) => onLine(message),
    ...(state === undefined ? {} : { resourcePersistencePath: state }),
  };
  const miniflare = withoutSignalHandlers((): Miniflare => new Runner(options as unknown as MiniflareOptions));
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= miniflare.dispose().finally(end);
    return stopping;
  };
  try {
    return { url: await miniflare.ready, stop };
  } catch (error) {
    await stop().catch(() => {}); // the first error says why
    throw error;
  }
};
