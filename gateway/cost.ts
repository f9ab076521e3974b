// What a request will cost, estimated before it runs, so that turns are shared by work and not by requests. The unit is
// one token read (scored, or part of a prompt). Measured on the embedded backend with models/base (2026-11-26, medians,
// one thread, ms): a token scored 0.3, a prompt token 0.12 to 0.3, a token trained 1.0 with full fine-tuning and 0.5 with
// LoRA, a token generated 5; a full step costs 45 more, whatever its length (Adam over all weights), a session 33.
// Examples in the context are prompt tokens: all of them count, up to the context. With the guard a pick is read once more,
// and the steps count by a share more, since it makes those of a few requests again.
// Trade-off: full and LoRA count the same, and what ends before max_tokens is charged as if it did not. Another backend
// has other ratios; the shares are then less exact, but every tenant is still measured alike.
import { type ScoreRequest, type TuneRequest, tunedOn } from '../wire/tune.ts';
import { judgedTexts } from './tuning.ts';

const READ = 1;
const TRAINED = 3;
const GENERATED = 16;
const STEP = 128;
const OPEN = 100;
/** Share of all steps that the guard makes again, in the mean over requests: an assumption, most are left alone. */
const AGAIN = 0.2;
/** models/base has 2.9 to 3.1 bytes a token in English and Markdown; larger vocabularies come to 4. */
const BYTES_PER_TOKEN = 3;

// UTF-16 units stand for bytes: an estimate needs no pass over 50 MB of text
const tokensOf = (text: string): number => Math.ceil(text.length / BYTES_PER_TOKEN);

type Learning = Pick<TuneRequest, 'picks' | 'tuning' | 'use'>;

/** A text longer than the context is cut. */
const exampleTokens = (text: string, contextTokens: number): number => Math.min(tokensOf(text), contextTokens);

/** A forward pass over each text, without a step. */
export const lossesCost = (texts: readonly string[], contextTokens: number): number =>
  texts.reduce((sum, text) => sum + READ * exampleTokens(text, contextTokens), 0);

/** Of the first `steps` steps; with reuse_gradients every second step on a text has no pass of its own. */
export const stepsCost = (request: Learning, contextTokens: number, steps = Number.POSITIVE_INFINITY): number => {
  const { tuning } = request;
  const seen = new Map<string, number>();
  let cost = 0;
  for (const { text } of tunedOn(request).slice(0, steps)) {
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    const reused = tuning.reuse_gradients && count % 2 === 0;
    cost += STEP + (reused ? 0 : TRAINED * exampleTokens(text, contextTokens));
  }
  return cost;
};

/** Tokens of the examples that go into the context, before any are dropped; a text comes there once. */
const examplesTokens = ({ picks, use }: Learning): number => {
  if (use === 'tune') return 0;
  return [...new Set(picks.map(({ text }) => text))].reduce((sum, text) => sum + tokensOf(text), 0);
};

/** What the guard adds: the base losses, and steps that may have to be made again. */
const guardCost = (request: Learning, contextTokens: number): number => {
  const texts = judgedTexts(request);
  return texts === undefined ? 0 : lossesCost(texts, contextTokens) + AGAIN * stepsCost(request, contextTokens);
};

const learningCost = (request: Learning, contextTokens: number): number =>
  stepsCost(request, contextTokens) + guardCost(request, contextTokens);

/** Of the generation, once everything was learnt. */
export const generationCost = (request: TuneRequest, contextTokens: number): number => {
  const generated = Math.min(request.sampling.max_tokens, contextTokens);
  const prompt = Math.min(tokensOf(request.prompt) + examplesTokens(request), contextTokens);
  return READ * prompt + GENERATED * generated;
};

export const tuneCost = (request: TuneRequest, contextTokens: number): number =>
  OPEN + learningCost(request, contextTokens) + generationCost(request, contextTokens);

/** Of one score of the text: beyond the context a window slides by half of it, so that those tokens are read twice. */
const scoredCost = ({ text, context }: ScoreRequest, contextTokens: number, examples: number): number => {
  const own = tokensOf(text);
  const twice = Math.max(0, own - contextTokens);
  return READ * (own + twice + Math.min(tokensOf(context) + examples, contextTokens));
};

/** Of the score after everything was learnt. */
export const scoreAfterCost = (request: ScoreRequest, contextTokens: number): number =>
  scoredCost(request, contextTokens, examplesTokens(request));

/** The text is scored before anything is learnt from and, if there are examples, after it. */
export const scoreCost = (request: ScoreRequest, contextTokens: number): number => {
  const before = scoredCost(request, contextTokens, 0);
  const after = request.picks.length === 0 ? 0 : scoreAfterCost(request, contextTokens);
  return OPEN + learningCost(request, contextTokens) + before + after;
};
