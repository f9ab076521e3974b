// `sift-edge serve`, which `npm start` is: edge, gateway and model on this machine.
import {
  DEFAULT_PICKS,
  MAX_DEADLINE_MS,
  MAX_DEFAULT_THREADS,
  MAX_DEFAULT_WORKERS,
  MAX_PICKS,
  PROBE_MS,
  SHUTDOWN_GRACE_MS,
  TUNE_DEADLINE_MS,
} from '../../wire/limits.ts';
import { DEFAULT_EMBEDDER, DEFAULT_MODEL } from '../places.ts';
import type { Command, Flag } from './command.ts';

const FLAGS: readonly Flag[] = [
  { flags: '--once', summary: 'print the report and exit instead of serving on' },
  { flags: '--no-demo', summary: 'only serve' },
  { flags: '-v, --verbose', summary: 'name every file and example that was passed over' },
  {
    flags: '--corpus <dir>',
    summary: 'index the text files under a directory instead of the documentation in node_modules',
    values: 'directory',
  },
  {
    flags: '--prompt <text>',
    summary: 'tune for this prompt instead of documents drawn from the corpus; its own text is scored',
  },
  {
    flags: '--prompt-file <file>',
    summary: 'tune for the first half of this file; its second half is scored',
    values: 'file',
  },
  {
    flags: '--model <dir>',
    summary:
      'a checkpoint in Hugging Face layout: Qwen2, 2.5 or 3, Llama, SmolLM, Mistral, Phi-3, Gemma 2 or 3, OLMo 2, Granite; docs/models.md lists what is read',
    fallback: DEFAULT_MODEL,
    values: 'directory',
  },
  {
    flags: '--backends <file>',
    summary: 'models on other machines, served beside it: JSON, see docs/backends.md (default GATEWAY_BACKENDS)',
    values: 'file',
  },
  {
    flags: '--embedder <dir>',
    summary:
      'a sentence embedder with an ONNX model: a sentence-transformers directory or one of our own layout; DIR/onnx/FILE chooses among several models',
    fallback: DEFAULT_EMBEDDER,
    values: 'directory',
  },
  { flags: '--n <count>', summary: `gradient steps, 1 to ${MAX_PICKS}`, fallback: String(DEFAULT_PICKS) },
  {
    flags: '--method <name>',
    summary: 'full or lora: how the model is tuned where a request leaves it to the server',
    values: ['full', 'lora'],
  },
  { flags: '--learning-rate <x>', summary: 'the learning rate, likewise' },
  { flags: '--rank <r>', summary: 'the rank of LoRA, likewise' },
  {
    flags: '--no-probe',
    summary: `do not measure which rate suits a model that has no sift.json (at most ${PROBE_MS / 1000} s, once)`,
  },
  {
    flags: '--workers <count>',
    summary: `sessions at once: processes that tune and generate, each holds the model (default one a core, up to ${MAX_DEFAULT_WORKERS}; with --model 1)`,
  },
  {
    flags: '--threads <count>',
    summary: `threads of a session (default the cores divided among the workers, up to ${MAX_DEFAULT_THREADS})`,
  },
  {
    flags: '--deadline <seconds>',
    summary: `what a request may take in all, up to ${MAX_DEADLINE_MS / 1000} (default SIFT_DEADLINE, or ${TUNE_DEADLINE_MS / 1000})`,
  },
  { flags: '--port <port>', summary: "the edge's port; 0: any free one", fallback: '8787' },
  { flags: '--gateway-port <port>', summary: "the gateway's port; 0: any free one", fallback: '8788' },
];

export const serve: Command = {
  name: 'serve',
  summary: 'serve edge, gateway and model on this machine, after a demonstration (npm start)',
  details: [
    'With --json stdout has two lines: {"ready":…}, then {"report":…}; notes go to stderr.',
    'SIFT_LOG=1 writes a line of JSON on stderr for every request, of edge and gateway (docs/operate.md).',
    'What is indexed is kept in .sift, or where the variable SIFT_STATE says; one process at a time may use it. The key of',
    'this machine is in secrets.json there, which the other commands find by themselves.',
    'Ctrl-C ends it once requests in flight are done; a second one ends it at once, with exit code 130 (SIGTERM: 143).',
  ].join('\n'),
  flags: FLAGS,
  serves: true,
  examples: ['sift-edge serve --once', 'sift-edge serve --no-demo --corpus ~/notes'],
  async run({ values, env }) {
    const { optionsOf } = await import('../options.ts');
    const options = optionsOf(values, env);
    const [{ start }, { watchLifetime }] = await Promise.all([import('../start.ts'), import('../lifetime.ts')]);
    await start(options, watchLifetime(SHUTDOWN_GRACE_MS));
    if (options.once) process.exit(0);
    return undefined;
  },
};
