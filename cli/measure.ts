// What some ways of tuning do to some documents, through the edge, as a caller's requests do. Document by document, with
// every way on each: whenever it ends, all ways were tried on the same documents, and what was not is left out.
import { type SiftClient, SiftError } from '../client/index.ts';
import { at } from '../wire/list.ts';
import { inParallel } from '../wire/parallel.ts';
import type { withoutSources } from './draw.ts';
import type { Prompt } from './prompt.ts';
import type { Tried, Way } from './rates.ts';

export interface Trial {
  readonly edge: Pick<SiftClient, 'select' | 'score'>;
  readonly corpus: string;
  /** Gradient steps. */
  readonly n: number;
  /** Of LoRA. */
  readonly rank: number;
  readonly prompts: readonly Prompt[];
  readonly filter: ReturnType<typeof withoutSources>;
  /** Requests at once. */
  readonly parallel: number;
  /** Milliseconds that all of it may take. */
  readonly limitMs?: number;
  /** Ends all of it with an error. */
  readonly signal?: AbortSignal;
  readonly now?: () => number;
}

const TOO_SLOW = ['deadline', 'beyond_deadline'];

/** Whether an edge refused or ended a request because it takes too long. */
export const isTooSlow = (error: unknown): boolean => error instanceof SiftError && TOO_SLOW.includes(error.code);

/** A rate at which the weights overflow is the worst there is, and no reason to stop; the error names it. */
const isOverflow = (error: unknown): boolean => error instanceof SiftError && error.message.includes('learning_rate');

type Scores = readonly { readonly before: number; readonly after: number }[];

/** Every way on one document. */
const tryAll = async (trial: Trial, ways: readonly Way[], prompt: Prompt, onDone: () => void, signal: AbortSignal) => {
  const { edge, corpus, n, rank, filter, parallel } = trial;
  if (prompt.continuation === undefined) throw new Error('a trial needs the true continuation');
  const { prompt: context, continuation: text } = prompt;
  const { picks } = (await edge.select({ corpus, n, input: context, ...filter })).selection;
  const examples = picks.flatMap(({ id, text: example }) => (example === null ? [] : [{ id, text: example }]));
  const score = async ({ method, learningRate }: Way): Promise<Scores[number]> => {
    // the guard would hide what a rate does
    const sift = {
      strategy: 'none' as const,
      use: 'tune' as const,
      guard: false,
      // nobody comes back for what a rate that was tried has made
      reuse_adapter: false,
      method,
      learning_rate: learningRate,
      ...(method === 'lora' ? { rank } : {}),
    };
    const scored = await edge
      .score({ model: 'base', context, text, picks: examples, sift }, { signal })
      .catch((error: unknown) => {
        if (isOverflow(error)) return undefined;
        throw error;
      });
    onDone();
    if (scored === undefined) return { before: 1, after: Number.POSITIVE_INFINITY };
    return { before: scored.before.bits_per_byte, after: scored.after.bits_per_byte };
  };
  return inParallel(
    ways.map((way) => () => score(way)),
    parallel,
  );
};

/** What is finished within the limit. `onDone` is told how many scores are done. */
export const measure = async (
  trial: Trial,
  ways: readonly Way[],
  onDone: (done: number) => void,
): Promise<readonly Tried[]> => {
  const { limitMs, signal, now = () => performance.now() } = trial;
  const started = now();
  const late = new AbortController();
  const timer = limitMs === undefined ? undefined : setTimeout(() => late.abort(), limitMs);
  const ended = AbortSignal.any([late.signal, ...(signal === undefined ? [] : [signal])]);
  const rows: Scores[] = [];
  let done = 0;
  try {
    for (const prompt of trial.prompts) {
      const from = now();
      const left = limitMs === undefined ? Number.POSITIVE_INFINITY : limitMs - (from - started);
      // begun only if there is time for it, by what the documents before it took
      if (left <= 0 || (rows.length > 0 && left < (from - started) / rows.length)) break;
      rows.push(await tryAll(trial, ways, prompt, () => onDone(++done), ended));
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!late.signal.aborted && !(limitMs !== undefined && isTooSlow(error))) throw error;
  } finally {
    clearTimeout(timer);
    // whatever of a failed document is still under way
    late.abort();
  }
  return ways.map((way, i) => ({
    ...way,
    before: rows.map((row) => at(row, i).before),
    after: rows.map((row) => at(row, i).after),
  }));
};
