// The command line of `sift-edge serve` as a typed value; whatever is wrong is said with the value and the limit.
import { resolve } from 'node:path';
import type { GivenDefaults } from '../gateway/given.ts';
import { DEFAULT_PICKS, MAX_PICKS } from '../wire/limits.ts';
import { type LogLevel, logLevelOf } from '../wire/request-line.ts';
import { UsageError, whole } from './arguments.ts';
import type { Environment, Values } from './commands/command.ts';
import { flag, text } from './commands/values.ts';
import { DEFAULT_EMBEDDER, DEFAULT_MODEL } from './places.ts';
import { type Machine, machineOf, tuningOf } from './tuning-flags.ts';

export interface Options extends Machine {
  readonly once: boolean;
  readonly json: boolean;
  readonly demo: boolean;
  readonly verbose: boolean;
  /** A directory of the user's own text in place of the starter corpus. */
  readonly corpus?: string;
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly model: string;
  /** A file that names backends on other machines. */
  readonly backends?: string;
  readonly embedder: string;
  readonly n: number;
  /** How the model is tuned by default, as far as the command line says. */
  readonly given: GivenDefaults;
  /** Whether a model of which nothing is known is measured first. */
  readonly probe: boolean;
  readonly port: number;
  readonly gatewayPort: number;
  /** Which requests are told of on stderr. */
  readonly logLevel: LogLevel;
}

/** Throws UsageError. */
export const optionsOf = (values: Values, env: Environment): Options => {
  const [corpus, prompt, promptFile] = ['corpus', 'prompt', 'promptFile'].map((name) => text(values, name));
  if (prompt !== undefined && promptFile !== undefined)
    throw new UsageError('give --prompt or --prompt-file, not both');
  if (prompt !== undefined && prompt.trim() === '') throw new UsageError('--prompt is empty');
  const backends = text(values, 'backends') ?? (env.GATEWAY_BACKENDS || undefined);
  const port = whole('port', text(values, 'port') ?? '', 0, 65_535);
  const gatewayPort = whole('gateway-port', text(values, 'gatewayPort') ?? '', 0, 65_535);
  if (port !== 0 && port === gatewayPort) throw new UsageError(`--port and --gateway-port are both ${port}`);
  const [method, rank, rate] = ['method', 'rank', 'learningRate'].map((name) => text(values, name));
  const [workers, threads, deadline] = ['workers', 'threads', 'deadline'].map((name) => text(values, name));
  return {
    once: flag(values, 'once'),
    json: flag(values, 'json'),
    demo: values.demo !== false,
    verbose: flag(values, 'verbose'),
    ...(corpus === undefined ? {} : { corpus }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(promptFile === undefined ? {} : { promptFile }),
    model: text(values, 'model') ?? DEFAULT_MODEL,
    ...(backends === undefined ? {} : { backends: resolve(backends) }),
    embedder: text(values, 'embedder') ?? DEFAULT_EMBEDDER,
    n: whole('n', text(values, 'n') ?? String(DEFAULT_PICKS), 1, MAX_PICKS),
    given: tuningOf({ method, rank, 'learning-rate': rate }),
    probe: values.probe !== false,
    ...machineOf({ workers, threads, deadline }, env.SIFT_DEADLINE),
    port,
    gatewayPort,
    logLevel: logLevelOf(env.SIFT_LOG, 'error'),
  };
};
