// Which examples go before a prompt: as many as fit, the most relevant nearest to it. An example goes in whole or not at
// all; the least relevant are dropped first, and one that does not fit even by itself keeps none of the others out. Pure
// but for the count of tokens, which is the backend's. The prompt is counted whole, as it will be read, since a token may
// span the border of two texts; examples counted one by one only say where to begin, so that a few calls do, however many
// examples there are.
import { type ContextReport, type Layout, writtenPrompt } from '../wire/context.ts';
import { at } from '../wire/list.ts';
import type { RankedPick } from '../wire/tune/requests.ts';
import type { Prompt } from './backends/contract.ts';
import { type Frame, textFrame } from './prompt.ts';

/** Tokens of each prompt. */
export type CountTokens = (prompts: readonly Prompt[]) => Promise<readonly number[]>;

export interface Asked {
  readonly picks: readonly RankedPick[];
  /** How they are written into what is read. */
  readonly frame: Frame;
  /** Between two examples. */
  readonly separator: string;
}

export interface Placed {
  /** Those that fit, as they are written, the nearest last. */
  readonly examples: readonly string[];
  readonly report: ContextReport;
}

/** Examples counted in one call: the default number of picks, and some more. */
const BATCH = 16;
/** Tokens by which a text may take less beside others than by itself: at its borders, and where a text begins. */
const BORDER = 4;

/** Nearest first: by similarity, of equal ones the earlier pick; or as sent, the last one nearest. A text comes once. */
const nearestFirst = (picks: readonly RankedPick[]): RankedPick[] => {
  const ranked = picks.some(({ similarity }) => similarity !== undefined);
  const relevance = ({ similarity }: RankedPick): number => similarity ?? Number.NEGATIVE_INFINITY;
  const nearest = ranked ? picks.toSorted((a, b) => relevance(b) - relevance(a) || 0) : picks.toReversed();
  const seen = new Set<string>();
  return nearest.filter(({ text }) => !seen.has(text) && seen.add(text));
};

/**
 * Tokens kept for the answer: max_tokens, but no more than half of what the prompt leaves, so that a caller who asks for
 * more than there is still gets examples; and one at least.
 */
export const roomForAnswer = (maxTokens: number, contextTokens: number, promptTokens: number): number =>
  Math.max(1, Math.min(maxTokens, Math.floor((contextTokens - promptTokens) / 2)));

/** Examples that may fit, nearest first, counted no further than they are asked for. */
const candidatesOf = (count: CountTokens, examples: readonly string[], separator: number, room: number) => {
  const texts: string[] = [];
  const tokens: number[] = [];
  let from = 0;
  /** Whether there are so many. */
  const reach = async (number: number): Promise<boolean> => {
    while (texts.length < number && from < examples.length) {
      const batch = examples.slice(from, from + BATCH);
      from += batch.length;
      const counted = await count(batch);
      for (const [i, text] of batch.entries()) {
        if (at(counted, i) > room + BORDER) continue;
        texts.push(text);
        tokens.push(at(counted, i));
      }
    }
    return texts.length >= number;
  };
  /** How many fit, going by their own tokens and the separators'. */
  const estimate = async (): Promise<number> => {
    let sum = -separator;
    for (let number = 0; ; number++) {
      if (!(await reach(number + 1))) return number;
      sum += separator + at(tokens, number);
      if (sum > room) return number;
    }
  };
  /** The nearest so many, in the order of the context. */
  const first = (number: number): string[] => texts.slice(0, number).toReversed();
  const dropNearest = (): void => {
    texts.shift();
    tokens.shift();
  };
  return { reach, estimate, first, dropNearest };
};

/** `mostOf` says how many tokens all that is read may have, by those of the prompt alone. */
export const placeIn = async (
  count: CountTokens,
  { picks, frame, separator: between }: Asked,
  mostOf: (promptTokens: number) => number,
): Promise<Placed> => {
  const written = nearestFirst(picks).map((pick) => frame.example(pick));
  const none: Placed = { examples: [], report: { examples: 0, dropped: written.length, tokens: 0 } };
  if (written.length === 0) return none;
  const counted = await count([frame.prompt([]), frame.prompt(['']), between]);
  const [alone, framed, separator] = [at(counted, 0), at(counted, 1), at(counted, 2)];
  const most = mostOf(alone);
  if (most + BORDER < framed) return none;
  const candidates = candidatesOf(count, written, separator, most - framed);
  const placedWith = async (number: number): Promise<Placed | undefined> => {
    if (!(await candidates.reach(number))) return undefined;
    const examples = candidates.first(number);
    const tokens = at(await count([frame.prompt(examples)]), 0);
    if (tokens > most) return undefined;
    const report = { examples: number, dropped: written.length - number, tokens: tokens - alone };
    return { examples, report };
  };
  for (;;) {
    let number = Math.max(1, await candidates.estimate());
    let placed = await placedWith(number);
    while (placed === undefined && number > 1) placed = await placedWith(--number);
    if (placed !== undefined) {
      for (let more = await placedWith(number + 1); more !== undefined; more = await placedWith(++number + 1)) {
        placed = more;
      }
      return placed;
    }
    // the nearest does not fit by itself
    candidates.dropNearest();
    if (!(await candidates.reach(1))) return none;
  }
};

export interface AskedOfText {
  readonly picks: readonly RankedPick[];
  readonly layout: Layout;
  readonly prompt: string;
  /** A text that is read after the prompt, such as one to be scored; it takes room too. */
  readonly following?: string;
}

/** The same for a text: the prompt with the examples before it. */
export const placeExamples = async (
  count: CountTokens,
  { picks, layout, prompt, following }: AskedOfText,
  mostOf: (promptTokens: number) => number,
): Promise<{ readonly prompt: string; readonly report: ContextReport }> => {
  const frame = textFrame(layout, prompt, following);
  const { examples, report } = await placeIn(count, { picks, frame, separator: layout.separator }, mostOf);
  return { prompt: writtenPrompt(layout, examples, prompt), report };
};
