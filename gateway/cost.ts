// What a request will cost, estimated before it runs, so that turns are shared by work and not by requests. The unit is
// one token read (scored, or part of a prompt). Measured on the embedded backend with models/base (2026-11-26, medians,
// one thread, ms): a token scored 0.3, a prompt token 0.12 to 0.3, a token trained 1.0 with full fine-tuning and 0.5 with
// LoRA, a token generated 5; a full step costs 45 more, whatever its length (Adam over all weights), a session 33.
// Examples in the context are prompt tokens: all of them count, up to the context. With the guard a pick is read once more,
// and the steps count by a share more, since it makes those of a few requests again.
// Trade-off: full and LoRA count the same, and what ends before max_tokens is charged as if it did not. Another backend
// has other ratios; the shares are then less exact, but every tenant is still measured alike.
import { tunedOn } from '../wire/tune/requests.ts';
import type { Outline } from './pace.ts';
import { charactersOf, mostNewTokens, promptOf } from './prompt.ts';
import { judgedTexts, type ResolvedTuning } from './tuning.ts';
import type { SettledScore, SettledTune } from './use.ts';

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
export const tokensIn = (characters: number): number => Math.ceil(characters / BYTES_PER_TOKEN);
export const tokensOf = (text: string): number => tokensIn(text.length);

type Learning = Pick<SettledTune, 'picks' | 'tuning' | 'use'>;

/** A text longer than the context is cut; with reuse_gradients every second step on a text has no pass of its own. */
const stepsOf = (
  request: Learning,
  contextTokens: number,
  first = Number.POSITIVE_INFINITY,
): Pick<Outline, 'steps' | 'reused'> => {
  const { tuning } = request;
  const seen = new Map<string, number>();
  const steps: number[] = [];
  let reused = 0;
  for (const { text } of tunedOn(request).slice(0, first)) {
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    if (tuning.reuse_gradients && count % 2 === 0) reused += 1;
    else steps.push(Math.min(tokensOf(text), contextTokens));
  }
  return { steps, reused };
};

/** Of the first so many steps. */
export const stepsCost = (request: Learning, contextTokens: number, first?: number): number => {
  const { steps, reused } = stepsOf(request, contextTokens, first);
  return steps.reduce((sum, tokens) => sum + STEP + TRAINED * tokens, STEP * reused);
};

/** A forward pass over each text, without a step. */
export const lossesCost = (texts: readonly string[], contextTokens: number): number =>
  texts.reduce((sum, text) => sum + READ * Math.min(tokensOf(text), contextTokens), 0);

/** What the guard adds: the base losses, and steps that may have to be made again. */
const guardCost = (request: Learning, contextTokens: number): number => {
  const texts = judgedTexts(request);
  return texts === undefined ? 0 : lossesCost(texts, contextTokens) + AGAIN * stepsCost(request, contextTokens);
};

const learningCost = (request: Learning, contextTokens: number): number =>
  stepsCost(request, contextTokens) + guardCost(request, contextTokens);

/** Tokens of the examples that go into the context, before any are dropped; a text comes there once. */
const examplesTokens = ({ picks, use }: Learning): number => {
  if (use === 'tune') return 0;
  return [...new Set(picks.map(({ text }) => text))].reduce((sum, text) => sum + tokensOf(text), 0);
};

/** Tokens read before generation. */
const promptTokens = (request: SettledTune, contextTokens: number): number =>
  Math.min(tokensIn(charactersOf(promptOf(request))) + examplesTokens(request), contextTokens);

/** Tokens of all samples; the prompt is read once for them. */
const generatedTokens = ({ sampling }: SettledTune, contextTokens: number): number =>
  sampling.n * mostNewTokens(sampling, contextTokens);

/** Beyond the context a window slides by half of it, so that those tokens are read twice. */
export const scoredTokens = (context: number, text: number, contextTokens: number): number =>
  text + Math.max(0, text - contextTokens) + Math.min(context, contextTokens);

/** The text is scored before anything is learnt from and, if there are examples, after it. */
const readings = (request: SettledScore, contextTokens: number): number[] => {
  const [text, context] = [tokensOf(request.text), tokensOf(request.context)];
  const before = scoredTokens(context, text, contextTokens);
  if (request.picks.length === 0) return [before];
  return [before, scoredTokens(context + examplesTokens(request), text, contextTokens)];
};

/** Of the generation, once everything was learnt. */
export const generationCost = (request: SettledTune, contextTokens: number): number => {
  const generated = generatedTokens(request, contextTokens);
  const prompt = promptTokens(request, contextTokens);
  return READ * prompt + GENERATED * generated;
};

/** `learnt`: an earlier request has made the steps. */
export const tuneCost = (request: SettledTune, contextTokens: number, learnt = false): number =>
  OPEN + (learnt ? 0 : learningCost(request, contextTokens)) + generationCost(request, contextTokens);

/** Of the last score, once everything was learnt. */
export const scoreAfterCost = (request: SettledScore, contextTokens: number): number =>
  READ * (readings(request, contextTokens).at(1) ?? 0);

export const scoreCost = (request: SettledScore, contextTokens: number, learnt = false): number => {
  const read = readings(request, contextTokens).reduce((sum, tokens) => sum + tokens, 0);
  return OPEN + (learnt ? 0 : learningCost(request, contextTokens)) + READ * read;
};

/** What times are learnt and looked up by (pace.ts). */
export const paceKey = ({ method, rank }: Pick<ResolvedTuning, 'method' | 'rank'>): string =>
  method === 'lora' ? `lora ${rank}` : method;

export const tuneOutline = (request: SettledTune, tuning: ResolvedTuning, contextTokens: number): Outline => ({
  method: paceKey(tuning),
  ...stepsOf(request, contextTokens),
  read: [promptTokens(request, contextTokens)],
  generated: generatedTokens(request, contextTokens),
});

export const scoreOutline = (request: SettledScore, tuning: ResolvedTuning, contextTokens: number): Outline => ({
  method: paceKey(tuning),
  ...stepsOf(request, contextTokens),
  read: readings(request, contextTokens),
  generated: 0,
});
