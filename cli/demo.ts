// The main job once, through the edge's public API: select, tune on nearest neighbours and on SIFT's picks with the same
// number of steps, score both against the base model, and continue the prompt before and after.
import type { EdgeClient } from '../client/edge.ts';
import type { Prompt } from './prompt.ts';
import { stopwatch } from './stopwatch.ts';

export interface Report {
  readonly prompt: { readonly source: string; readonly text: string };
  /** What the bits per byte are of. */
  readonly scored: { readonly what: 'continuation' | 'prompt'; readonly bytes: number };
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
  readonly bpb: { readonly base: number; readonly nn: number; readonly sift: number };
  readonly completion: { readonly before: string; readonly after: string };
  readonly ms: Readonly<Record<string, number>>;
}

const MODEL = 'base';
const COMPLETION_TOKENS = 96;

export const demonstrate = async (edge: EdgeClient, corpus: string, prompt: Prompt, n: number): Promise<Report> => {
  const { ms, time } = stopwatch();
  // a prompt without a known continuation is scored itself, with nothing before it
  const context = prompt.continuation === undefined ? {} : { context: prompt.prompt };
  const text = prompt.continuation ?? prompt.prompt;
  const selected = (strategy: 'sift' | 'nn') => ({ corpus, n, strategy, input: prompt.prompt });
  const selection = await time('select', () => edge.select(selected('sift')));
  const nearest = await time('nearest', () => edge.select(selected('nn')));
  const score = (picks: typeof selection.picks) =>
    edge.score({
      model: MODEL,
      ...context,
      text,
      picks: picks.map(({ id, text: example }) => ({ id, text: example })),
      sift: { strategy: 'none' },
    });
  const nn = await time('tune_nn', () => score(nearest.picks));
  const sift = await time('tune_sift', () => score(selection.picks));
  const complete = (model: string) =>
    edge.complete({
      model,
      prompt: prompt.prompt,
      max_tokens: COMPLETION_TOKENS,
      // greedy decoding of a small model runs in circles; a fixed seed makes before and after comparable
      temperature: 0.6,
      top_p: 0.9,
      seed: 1,
      ...(model === MODEL ? {} : { sift: { corpus, n } }),
    });
  const before = await time('complete_base', () => complete(MODEL));
  const after = await time('complete_sift', () => complete(`${MODEL}:sift`));
  return {
    prompt: { source: prompt.source, text: prompt.prompt },
    scored: { what: prompt.continuation === undefined ? 'prompt' : 'continuation', bytes: Buffer.byteLength(text) },
    picks: selection.picks.map(({ id, score: gain, similarity, sigma2, text: example }) => ({
      id,
      gain,
      similarity,
      sigma2,
      text: example,
    })),
    sigma2: selection.sigma2,
    pool: selection.pool.size,
    bpb: { base: sift.before.bits_per_byte, nn: nn.after.bits_per_byte, sift: sift.after.bits_per_byte },
    completion: { before, after },
    ms,
  };
};
