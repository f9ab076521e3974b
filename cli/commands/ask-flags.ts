// Flags that the commands which ask an edge for something share. What is not a flag of its own goes by --set.
import {
  DEFAULT_DEGREE,
  DEFAULT_LAMBDA,
  DEFAULT_PICKS,
  DEFAULT_ROUNDS,
  MAX_DEGREE,
  MAX_LAMBDA,
  MAX_NEW_TOKENS,
  MAX_PICKS,
  MAX_RANK,
  MAX_ROUNDS,
  MAX_SAMPLES,
  MIN_LAMBDA,
} from '../../wire/limits.ts';
import type { Flag } from './command.ts';

export const FILE_FLAG: Flag = {
  flags: '--file <file>',
  summary: 'read the text from a file (“-”, or nothing where something is piped in: from stdin)',
  values: 'file',
};

export const VERBOSE_FLAG: Flag = {
  flags: '-v, --verbose',
  summary: 'show the selection and the steps on stderr where that is no terminal, too',
};

export const SET_FLAG: Flag = {
  flags: '--set <field=value>',
  summary:
    'any other field of the request, as docs/reference/api.md names it: top_k=20, sift.rank=8 (a value is JSON, or text)',
  many: true,
};

/** How examples are selected. */
export const SELECTION_FLAGS: readonly Flag[] = [
  { flags: '--n <count>', summary: `examples to pick, 1 to ${MAX_PICKS} (default ${DEFAULT_PICKS})` },
  {
    flags: '--strategy <name>',
    summary: 'SIFT, nearest neighbours, or MMR (default sift)',
    values: ['sift', 'nn', 'mmr'],
  },
  {
    flags: '--lambda <x>',
    summary: `λ, ${MIN_LAMBDA} to ${MAX_LAMBDA}: the larger, the more alike picks may be (default ${DEFAULT_LAMBDA})`,
  },
  {
    flags: '--degree <p>',
    summary: `degree of the kernel, 1 to ${MAX_DEGREE}: at 1, the paper's, similar examples count as redundant sooner (default ${DEFAULT_DEGREE})`,
  },
  {
    flags: '--rounds <count>',
    summary: `times that the index is asked, 1 to ${MAX_ROUNDS} (default ${DEFAULT_ROUNDS})`,
  },
  {
    flags: '--alpha <x>',
    summary: 'stop picking where a further example would remove little: after n with σ > 1/(α·n)',
  },
  { flags: '--min-similarity <x>', summary: 'pick nothing less like the prompt than this: a number, or auto' },
  { flags: '--repeat', summary: 'an example may be picked more than once' },
  { flags: '--filter <json>', summary: 'only examples with this metadata: {"source":"a.md"}, {"meta.lang":"de"}' },
];

export const MODEL_FLAG: Flag = {
  flags: '--model <name>',
  summary: 'a model of the edge; :sift behind its name may be left out, --corpus and --tune add it',
  fallback: 'base',
};

/** From where examples are selected for a generation, and what for. */
export const SIFT_FLAGS: readonly Flag[] = [
  { flags: '--corpus <name>', summary: 'select examples from this corpus, and learn from them before answering' },
  { flags: '--tune', summary: 'the same with the corpus that the edge has by default' },
  {
    flags: '--use <what>',
    summary: 'fine-tune on the examples, put them into the context, or both (default auto: by the window of the model)',
    values: ['auto', 'tune', 'context', 'both'],
  },
  ...SELECTION_FLAGS,
  {
    flags: '--method <name>',
    summary: 'how to tune (default auto: what suits the model)',
    values: ['auto', 'full', 'lora'],
  },
  { flags: '--rank <r>', summary: `of LoRA, 1 to ${MAX_RANK}` },
  { flags: '--learning-rate <x>', summary: 'of the steps' },
  { flags: '--no-guard', summary: 'keep steps that do harm as well' },
];

export const SAMPLING_FLAGS: readonly Flag[] = [
  { flags: '--temperature <x>', summary: '0 to 2; 0 takes the likeliest token each time (default 1)' },
  { flags: '--top-p <x>', summary: 'only the likeliest tokens of this share, 0 to 1 (default 1)' },
  { flags: '--stop <text>', summary: 'end before this text; up to four times', many: true },
  { flags: '--seed <number>', summary: 'the same seed gives the same text' },
  { flags: '--samples <count>', summary: `texts to generate, 1 to ${MAX_SAMPLES} (default 1)` },
];

export const maxTokens = (otherwise: string): Flag => ({
  flags: '--max-tokens <count>',
  summary: `tokens to generate, up to ${MAX_NEW_TOKENS} (default ${otherwise})`,
});
