// The command line of `npm run eval`, parsed once. An error names the option and its value.

import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { optionsOf, UsageError, whole } from '../cli/arguments.ts';
import { shareCores } from '../cli/cores.ts';
import { INSTALLED, STATE } from '../cli/places.ts';
import { MACHINE_FLAGS, machineOf, TUNING_FLAGS, tuningOf } from '../cli/tuning-flags.ts';
import type { GivenDefaults } from '../gateway/given.ts';
import type { Scored } from './material/setting.ts';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  /** Documents to learn from; absent: the packages under node_modules. */
  readonly corpus?: string;
  /** Documents to draw prompts from; absent: the corpus' own, which are then kept out of it. */
  readonly prompts?: string;
  /** Lines of documents, in addition to the packages. */
  readonly data?: string;
  readonly scored: Scored;
  readonly model: string;
  readonly embedder: string;
  /** How picks are tuned on; the rest is the model's own default. */
  readonly given: GivenDefaults;
  readonly workers: number;
  readonly threads: number;
  /** Milliseconds that one tuning run may take; absent: as long as it takes. */
  readonly deadlineMs?: number;
  /** No task is begun after so many minutes. */
  readonly minutes?: number;
  /** Only write the report of the results there are. */
  readonly reportOnly: boolean;
  /** Only write the page again, from study.json in the results directory. */
  readonly pageOnly: boolean;
  /** Where results are kept as they come. */
  readonly state: string;
  /** Where JSON and pictures go. */
  readonly results: string;
  /** The page to write; absent: none. */
  readonly study?: string;
  readonly perDomain?: number;
}

export const HELP = `npm run eval -- [options]

  --quick            8 prompts a domain, base, NN and SIFT after 10 steps: some minutes, prints the main table
  --json             one JSON object on stdout: {"bpb":{"base":…,"nn":{…},"sift":{…}},"n":…,"prompts":…,"ci":…}
  --corpus DIR       choose from the text files under DIR, each subfolder a domain (default: the packages in node_modules)
  --prompts DIR      draw prompts from the text files under DIR, each subfolder a domain (default: from the corpus)
  --data FILE        add documents from lines of {"package","domain","path","text"} to the packages
  --score WHAT       prompt (default): the prompt's own text, as in the paper; continuation: the text after it
  --model DIR        a checkpoint in Hugging Face layout, as docs/models.md lists them (default models/base)
  --embedder DIR     config.json, tokenizer.json and model.onnx (default models/embedder)
  --per-domain N     prompts of a domain (default 30, with --quick 8)
  --method M         full or lora; this and the next two with --quick (default: as the model is served: its sift.json,
                     what npm start measured of it, or a rule by its size; the whole study chooses its own rates)
  --learning-rate X  of every step
  --rank R           of LoRA
  --workers N        tuning runs at once (default by the cores; with --model 1)
  --threads T        threads of a run (default the cores divided among the workers)
  --deadline SECONDS end with an error when one tuning run takes longer (default: no limit)
  --minutes M        begin no tuning run after M minutes; running again continues where this run ended
  --report           run nothing, only write the report of the results in --state
  --page             run nothing, write docs/study/results.md again from eval/results/study.json and eval/findings.md
  --state DIR        where results are kept as they come (default .sift/eval)
  --results DIR      where tables and pictures go (default eval/results, of a quick run or your own text STATE/results)
  --help             this text
`;

const positive = (name: string, text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new UsageError(`--${name} is '${text}', it must be a positive number`);
  return value;
};

/** undefined: help was asked for. */
export const parseOptions = (args: readonly string[]): Options | undefined => {
  const values = optionsOf({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      page: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      corpus: { type: 'string' },
      prompts: { type: 'string' },
      data: { type: 'string' },
      score: { type: 'string', default: 'prompt' },
      model: { type: 'string', default: join(ROOT, 'models/base') },
      embedder: { type: 'string', default: join(ROOT, 'models/embedder') },
      ...TUNING_FLAGS,
      ...MACHINE_FLAGS,
      minutes: { type: 'string' },
      'per-domain': { type: 'string' },
      state: { type: 'string', default: join(STATE, 'eval') },
      results: { type: 'string' },
    },
  });
  if (values.help) return undefined;
  if (INSTALLED && values.corpus === undefined) {
    throw new UsageError(
      '--corpus DIR is missing: whose text is it about? (Without it a clone studies its node_modules.)',
    );
  }
  if (values.prompts !== undefined && values.corpus === undefined) {
    throw new UsageError(`--prompts ${values.prompts} needs a --corpus to learn from`);
  }
  if (values.data !== undefined && values.corpus !== undefined) {
    throw new UsageError('--data adds to the packages in node_modules, so it cannot go with --corpus');
  }
  if (values.score !== 'continuation' && values.score !== 'prompt') {
    throw new UsageError(`--score is '${values.score}', it must be continuation or prompt`);
  }
  const given = tuningOf(values);
  const [flag] = Object.keys(TUNING_FLAGS).filter((name) => values[name as keyof typeof TUNING_FLAGS] !== undefined);
  if (flag !== undefined && !values.quick) {
    throw new UsageError(`--${flag} goes with --quick: the whole study chooses its learning rates itself`);
  }
  // SIFT_DEADLINE is of requests, and there are none here
  const { deadlineMs, ...machine } = machineOf(values, '');
  const isDefault = values.corpus === undefined && values.score === 'prompt' && !values.quick;
  return {
    quick: values.quick,
    json: values.json,
    reportOnly: values.report,
    pageOnly: values.page,
    scored: values.score,
    model: resolve(values.model),
    embedder: resolve(values.embedder),
    given,
    ...shareCores(machine, resolve(values.model) === join(ROOT, 'models/base')),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    state: resolve(values.state),
    // a quick run, or one on a user's text, leaves the study's own figures alone
    results: resolve(values.results ?? (isDefault ? join(ROOT, 'eval/results') : join(values.state, 'results'))),
    ...(isDefault && values.results === undefined ? { study: join(ROOT, 'docs/study/results.md') } : {}),
    ...(values.corpus === undefined ? {} : { corpus: resolve(values.corpus) }),
    ...(values.prompts === undefined ? {} : { prompts: resolve(values.prompts) }),
    ...(values.data === undefined ? {} : { data: resolve(values.data) }),
    ...(values.minutes === undefined ? {} : { minutes: positive('minutes', values.minutes) }),
    ...(values['per-domain'] === undefined ? {} : { perDomain: whole('per-domain', values['per-domain'], 1, 100_000) }),
  };
};
