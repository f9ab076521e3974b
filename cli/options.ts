// The command line of `npm start`: parsed once into a typed value; whatever is wrong is said with the value and the limit.

import { resolve } from 'node:path';
import type { GivenDefaults } from '../gateway/given.ts';
import {
  DEFAULT_PICKS,
  MAX_DEADLINE_MS,
  MAX_DEFAULT_THREADS,
  MAX_DEFAULT_WORKERS,
  MAX_PICKS,
  PROBE_MS,
  TUNE_DEADLINE_MS,
} from '../wire/limits.ts';
import { type LogLevel, logLevelOf } from '../wire/request-line.ts';
import { optionsOf, UsageError, whole } from './arguments.ts';
import { MACHINE_FLAGS, type Machine, machineOf, TUNING_FLAGS, tuningOf } from './tuning-flags.ts';
import { DEFAULT_EMBEDDER, DEFAULT_MODEL } from './workplace.ts';

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

export const HELP = `npm start -- [options]

  --once               print the report and exit instead of serving on
  --json               one JSON object a line on stdout: {"ready":…}, then {"report":…}; notes go to stderr
  --no-demo            only serve
  --verbose            name every file and example that was passed over
  --corpus DIR         index the text files under DIR instead of the documentation in node_modules
  --prompt TEXT        tune for this prompt instead of documents drawn from the corpus; its own text is scored
  --prompt-file F      tune for the first half of this file; its second half is scored
  --model DIR          a checkpoint in Hugging Face layout: Qwen2, 2.5 or 3, Llama, SmolLM, Mistral, Phi-3, Gemma 2
                       or 3, OLMo 2, Granite; docs/models.md lists what is read (default ${DEFAULT_MODEL})
  --backends FILE      models on other machines, served beside it: JSON, see docs/backends.md (default GATEWAY_BACKENDS)
  --embedder DIR       a sentence embedder with an ONNX model: a sentence-transformers directory or one of our own
                       layout; DIR/onnx/FILE chooses among several models (default ${DEFAULT_EMBEDDER})
  --n N                gradient steps, 1 to ${MAX_PICKS} (default ${DEFAULT_PICKS})
  --method M           full or lora: how the model is tuned where a request leaves it to the server
  --learning-rate X    the learning rate, likewise
  --rank R             the rank of LoRA, likewise
  --no-probe           do not measure which rate suits a model that has no sift.json (at most ${PROBE_MS / 1000} s, once)
  --workers W          sessions at once: processes that tune and generate, each holds the model (default one a core,
                       up to ${MAX_DEFAULT_WORKERS}; with --model 1)
  --threads T          threads of a session (default the cores divided among the workers, up to ${MAX_DEFAULT_THREADS})
  --deadline SECONDS   what a request may take in all, up to ${MAX_DEADLINE_MS / 1000} (default SIFT_DEADLINE, or ${TUNE_DEADLINE_MS / 1000})
  --port P             the edge's port (default 8787; 0: any free one)
  --gateway-port P     the gateway's port (default 8788; 0: any free one)
  --help               this text

SIFT_LOG=1 writes a line of JSON on stderr for every request, of edge and gateway (docs/operate.md).
What is indexed is kept in .sift, or where the variable SIFT_STATE says; one process at a time may use it.
Ctrl-C ends it once requests in flight are done; a second one ends it at once.
Exit codes: 0 ended as asked, 1 something given here or on this machine is wrong (one sentence says what),
2 an error of the program itself (with its stack), 130 or 143 stopped at once by a signal.
`;

const parse = (args: readonly string[]) =>
  optionsOf({
    args: [...args],
    allowNegative: true,
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      demo: { type: 'boolean', default: true },
      verbose: { type: 'boolean', default: false },
      corpus: { type: 'string' },
      prompt: { type: 'string' },
      'prompt-file': { type: 'string' },
      model: { type: 'string', default: DEFAULT_MODEL },
      backends: { type: 'string' },
      embedder: { type: 'string', default: DEFAULT_EMBEDDER },
      n: { type: 'string', default: String(DEFAULT_PICKS) },
      ...TUNING_FLAGS,
      probe: { type: 'boolean', default: true },
      ...MACHINE_FLAGS,
      port: { type: 'string', default: '8787' },
      'gateway-port': { type: 'string', default: '8788' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });

/** The options, or `help` when that is what was asked for. Throws UsageError. */
export const parseOptions = (args: readonly string[]): Options | 'help' => {
  const values = parse(args);
  if (values.help) return 'help';
  const { corpus, prompt, 'prompt-file': promptFile } = values;
  if (prompt !== undefined && promptFile !== undefined)
    throw new UsageError('give --prompt or --prompt-file, not both');
  if (prompt !== undefined && prompt.trim() === '') throw new UsageError('--prompt is empty');
  const backends = values.backends ?? (process.env.GATEWAY_BACKENDS || undefined);
  const port = whole('port', values.port, 0, 65_535);
  const gatewayPort = whole('gateway-port', values['gateway-port'], 0, 65_535);
  if (port !== 0 && port === gatewayPort) throw new UsageError(`--port and --gateway-port are both ${port}`);
  return {
    once: values.once,
    json: values.json,
    demo: values.demo,
    verbose: values.verbose,
    ...(corpus === undefined ? {} : { corpus }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(promptFile === undefined ? {} : { promptFile }),
    model: values.model,
    ...(backends === undefined ? {} : { backends: resolve(backends) }),
    embedder: values.embedder,
    n: whole('n', values.n, 1, MAX_PICKS),
    given: tuningOf(values),
    probe: values.probe,
    ...machineOf(values),
    port,
    gatewayPort,
    logLevel: logLevelOf(process.env.SIFT_LOG, 'error'),
  };
};
