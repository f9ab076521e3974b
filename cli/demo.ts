// The main job, through the edge's public API: for each prompt select, tune on nearest neighbours and on SIFT's picks with
// the same number of steps, and score both against the base model; one prompt is also continued before and after.

import type { SiftClient } from '../client/index.ts';
import type { SelectResponse } from '../wire/api/select.ts';
import { at } from '../wire/list.ts';
import { inParallel } from '../wire/parallel.ts';
import { byteLength } from '../wire/text.ts';
import { withoutSources } from './draw.ts';
import { type Interval, mean, tInterval } from './interval.ts';
import type { Prompt, Prompts } from './prompt.ts';
import { type Stopwatch, stopwatch } from './stopwatch.ts';

export interface BitsPerByte {
  readonly base: number;
  readonly nn: number;
  readonly sift: number;
}

export interface Row {
  readonly source: string;
  /** What the bits per byte are of. */
  readonly scored: { readonly what: 'continuation' | 'prompt'; readonly bytes: number };
  readonly bpb: BitsPerByte;
}

export interface Report {
  /** A row for each prompt. */
  readonly documents: readonly Row[];
  /** Mean over the rows. */
  readonly bpb: BitsPerByte;
  /** Paired differences in bits per byte over the rows, with 95 % t intervals; null for a single row. */
  readonly difference: { readonly siftFromBase: Interval; readonly siftFromNn: Interval } | null;
  /** Of the prompt that gained most by SIFT: its text, its picks, and the continuation before and after. */
  readonly prompt: { readonly source: string; readonly text: string };
  readonly picks: readonly {
    readonly id: string;
    /** Drop of the prompt's posterior variance. */
    readonly gain: number;
    readonly similarity: number;
    readonly sigma2: number;
    readonly text: string;
  }[];
  readonly sigma2: { readonly initial: number; readonly final: number };
  readonly pool: number;
  /** Drop of the posterior variance by the picks, as a share of the drop by everything in the pool. */
  readonly explained: number;
  readonly completion: { readonly before: string; readonly after: string };
  readonly ms: Readonly<Record<string, number>>;
}

export interface DemoOptions {
  readonly corpus: string;
  readonly n: number;
  /** Requests at once: as many as the gateway has workers. */
  readonly parallel: number;
  /** Called with how much of the work is done. */
  readonly onProgress: (done: number, total: number) => void;
}

const MODEL = 'base';
const COMPLETION_TOKENS = 96;

/** Everything that the demonstration indexed has a text. */
const textOf = (id: string, text: string | null): string => {
  if (text === null) throw new Error(`example ${id} came without its text`);
  return text;
};

interface Session {
  readonly edge: SiftClient;
  readonly options: DemoOptions;
  readonly filter: ReturnType<typeof withoutSources>;
  readonly time: Stopwatch['time'];
}

/** What is scored, and with what before it. */
const scoredOf = ({ prompt, continuation }: Prompt): { text: string; context?: string } =>
  continuation === undefined ? { text: prompt } : { text: continuation, context: prompt };

const select = ({ edge, options, filter, time }: Session, prompt: Prompt, strategy: 'sift' | 'nn') =>
  time('select', async () => {
    const asked = { corpus: options.corpus, n: options.n, strategy, input: prompt.prompt, ...filter };
    return (await edge.select(asked)).selection;
  });

const score = ({ edge, time }: Session, prompt: Prompt, { picks }: SelectResponse) =>
  time('tune_and_score', () =>
    edge.score({
      model: MODEL,
      ...scoredOf(prompt),
      picks: picks.map(({ id, text }) => ({ id, text: textOf(id, text) })),
      // its table is about tuning; what examples in the context add is another question (docs/study/context.md)
      sift: { strategy: 'none', use: 'tune' },
    }),
  );

const complete = ({ edge, options, filter, time }: Session, prompt: Prompt, model: string) =>
  time(model === MODEL ? 'complete_base' : 'complete_sift', async () => {
    const { choices } = await edge.complete({
      model,
      prompt: prompt.prompt,
      max_tokens: COMPLETION_TOKENS,
      // greedy decoding of a small model runs in circles; a fixed seed makes before and after comparable
      temperature: 0.6,
      top_p: 0.9,
      seed: 1,
      // its time is that of the steps too, though the score has made them already
      ...(model === MODEL ? {} : { sift: { corpus: options.corpus, n: options.n, reuse_adapter: false, ...filter } }),
    });
    return at(choices, 0).text;
  });

/** The row whose bits per byte fell by the largest share. */
const mostGained = (documents: readonly Row[]): number => {
  const ratios = documents.map(({ bpb }) => bpb.sift / bpb.base);
  return ratios.indexOf(Math.min(...ratios));
};

/** Mean milliseconds of the stages of one name. */
const means = (ms: ReadonlyMap<string, readonly number[]>): Record<string, number> =>
  Object.fromEntries([...ms].map(([stage, times]) => [stage, mean(times)]));

export const demonstrate = async (
  edge: SiftClient,
  { prompts, leftOut }: Prompts,
  options: DemoOptions,
): Promise<Report> => {
  const started = performance.now();
  const { times, time } = stopwatch();
  const session: Session = { edge, options, filter: withoutSources(leftOut), time };
  // two scores a prompt, and two continuations of one
  const total = 2 * prompts.length + 2;
  let done = 0;
  const counted =
    <T>(task: () => Promise<T>) =>
    async (): Promise<T> => {
      const result = await task();
      options.onProgress(++done, total);
      return result;
    };
  options.onProgress(0, total);
  const selections: { sift: SelectResponse; nn: SelectResponse }[] = [];
  for (const prompt of prompts) {
    selections.push({ sift: await select(session, prompt, 'sift'), nn: await select(session, prompt, 'nn') });
  }
  const scoring = prompts.flatMap((prompt, i) =>
    (['nn', 'sift'] as const).map((strategy) => () => score(session, prompt, at(selections, i)[strategy])),
  );
  const scores = await inParallel(scoring.map(counted), options.parallel);
  const documents = prompts.map((prompt, i): Row => {
    const [nn, sift] = [at(scores, 2 * i), at(scores, 2 * i + 1)];
    return {
      source: prompt.source,
      scored: {
        what: prompt.continuation === undefined ? 'prompt' : 'continuation',
        bytes: byteLength(scoredOf(prompt).text),
      },
      bpb: { base: sift.before.bits_per_byte, nn: nn.after.bits_per_byte, sift: sift.after.bits_per_byte },
    };
  });
  const place = mostGained(documents);
  const shown = at(prompts, place);
  const chosen = at(selections, place).sift;
  const continuing = [MODEL, `${MODEL}:sift`].map((model) => () => complete(session, shown, model));
  const completions = await inParallel(continuing.map(counted), options.parallel);
  const fromBase = tInterval(documents.map(({ bpb }) => bpb.sift - bpb.base));
  const fromNn = tInterval(documents.map(({ bpb }) => bpb.sift - bpb.nn));
  return {
    documents,
    bpb: {
      base: mean(documents.map(({ bpb }) => bpb.base)),
      nn: mean(documents.map(({ bpb }) => bpb.nn)),
      sift: mean(documents.map(({ bpb }) => bpb.sift)),
    },
    difference: fromBase === undefined || fromNn === undefined ? null : { siftFromBase: fromBase, siftFromNn: fromNn },
    prompt: { source: shown.source, text: shown.prompt },
    picks: chosen.picks.map(({ id, score: gain, similarity, sigma2, text }) => ({
      id,
      gain,
      similarity,
      sigma2,
      text: textOf(id, text),
    })),
    sigma2: chosen.sigma2,
    pool: chosen.pool.size,
    explained: chosen.explained ?? 0,
    completion: { before: at(completions, 0), after: at(completions, 1) },
    ms: { ...means(times), demonstration: performance.now() - started },
  };
};
