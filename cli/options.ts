// The command line of `npm start`: parsed once into a typed value; whatever is wrong is said with the value and the limit.

import { parseArgs } from 'node:util';
import { DEFAULT_PICKS, MAX_DEFAULT_WORKERS, MAX_PICKS, MAX_WORKERS } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { UsageError, whole } from './arguments.ts';

export interface Options {
  readonly once: boolean;
  readonly json: boolean;
  readonly demo: boolean;
  readonly verbose: boolean;
  /** A directory of the user's own text in place of the starter corpus. */
  readonly corpus?: string;
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly model: string;
  readonly embedder: string;
  readonly n: number;
  /** Absent: by the machine's cores. */
  readonly workers?: number;
  readonly port: number;
  readonly gatewayPort: number;
}

/** The directories of the model and the embedder that come with the repository. */
export const DEFAULT_MODEL = 'models/base';
export const DEFAULT_EMBEDDER = 'models/embedder';

export const HELP = `npm start -- [options]

  --once               print the report and exit instead of serving on
  --json               one JSON object a line on stdout: {"ready":…}, then {"report":…}
  --no-demo            only serve
  --verbose            name every file and example that was passed over
  --corpus DIR         index the text files under DIR instead of the documentation in node_modules
  --prompt TEXT        tune for this prompt instead of documents drawn from the corpus; its own text is scored
  --prompt-file F      tune for the first half of this file; its second half is scored
  --model DIR          a checkpoint in Hugging Face layout: Qwen2, 2.5 or 3, Llama, SmolLM, Mistral, Phi-3, Gemma 2 or 3,
                       OLMo 2, Granite; docs/models.md lists what is read (default ${DEFAULT_MODEL})
  --embedder DIR       a sentence embedder with an ONNX model: a sentence-transformers directory or one of our own layout;
                       DIR/onnx/FILE chooses among several models; docs/models.md (default ${DEFAULT_EMBEDDER})
  --n N                gradient steps, 1 to ${MAX_PICKS} (default ${DEFAULT_PICKS})
  --workers W          processes that tune and generate; each holds the model (default one a core, up to
                       ${MAX_DEFAULT_WORKERS}; with --model 1)
  --port P             the edge's port (default 8787; 0: any free one)
  --gateway-port P     the gateway's port (default 8788; 0: any free one)
  --help               this text

What is indexed is kept in .sift, or where the variable SIFT_STATE says; one process at a time may use it.
Ctrl-C ends it once requests in flight are done; a second one ends it at once.
Exit codes: 0 ended as asked, 1 something given here or on this machine is wrong (one sentence says what),
2 an error of the program itself (with its stack), 130 or 143 stopped at once by a signal.
`;

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
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
        embedder: { type: 'string', default: DEFAULT_EMBEDDER },
        n: { type: 'string', default: String(DEFAULT_PICKS) },
        workers: { type: 'string' },
        port: { type: 'string', default: '8787' },
        'gateway-port': { type: 'string', default: '8788' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};

/** The options, or `help` when that is what was asked for. Throws UsageError. */
export const parseOptions = (args: readonly string[]): Options | 'help' => {
  const values = parse(args);
  if (values.help) return 'help';
  const { corpus, prompt, 'prompt-file': promptFile } = values;
  if (prompt !== undefined && promptFile !== undefined)
    throw new UsageError('give --prompt or --prompt-file, not both');
  if (prompt !== undefined && prompt.trim() === '') throw new UsageError('--prompt is empty');
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
    embedder: values.embedder,
    n: whole('n', values.n, 1, MAX_PICKS),
    ...(values.workers === undefined ? {} : { workers: whole('workers', values.workers, 1, MAX_WORKERS) }),
    port,
    gatewayPort,
  };
};
