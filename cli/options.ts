// The command line of `npm start`: parsed once into a typed value; whatever is wrong is said with the value and the limit.
import { parseArgs } from 'node:util';
import { DEFAULT_PICKS, MAX_PICKS } from '../wire/limits.ts';
import { UsageError, whole } from './arguments.ts';

export interface Options {
  readonly once: boolean;
  readonly json: boolean;
  readonly demo: boolean;
  /** A directory of the user's own text in place of the starter corpus. */
  readonly corpus?: string;
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly model: string;
  readonly embedder: string;
  readonly n: number;
  readonly port: number;
  readonly gatewayPort: number;
}

/** The directory of the embedder that comes with the repository. */
export const DEFAULT_EMBEDDER = 'models/embedder';

export const HELP = `npm start -- [options]

  --once               print the report and exit instead of serving on
  --json               one JSON object a line on stdout: {"ready":…}, then {"report":…}
  --no-demo            only serve
  --corpus DIR         index the text files under DIR instead of the starter corpus
  --prompt TEXT        tune for this prompt (bits per byte are then of the prompt's own text)
  --prompt-file F      tune for the first half of this file; its second half is the true continuation
  --model DIR          a Qwen3 or Llama checkpoint in Hugging Face layout (default models/base)
  --embedder DIR       an ONNX sentence embedder: model.onnx, tokenizer.json, config.json (default ${DEFAULT_EMBEDDER})
  --n N                gradient steps, 1 to ${MAX_PICKS} (default ${DEFAULT_PICKS})
  --port P             the edge's port (default 8787; 0: any free one)
  --gateway-port P     the gateway's port (default 8788; 0: any free one)
  --help               this text
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
        corpus: { type: 'string' },
        prompt: { type: 'string' },
        'prompt-file': { type: 'string' },
        model: { type: 'string', default: 'models/base' },
        embedder: { type: 'string', default: DEFAULT_EMBEDDER },
        n: { type: 'string', default: String(DEFAULT_PICKS) },
        port: { type: 'string', default: '8787' },
        'gateway-port': { type: 'string', default: '8788' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
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
    ...(corpus === undefined ? {} : { corpus }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(promptFile === undefined ? {} : { promptFile }),
    model: values.model,
    embedder: values.embedder,
    n: whole('n', values.n, 1, MAX_PICKS),
    port,
    gatewayPort,
  };
};
