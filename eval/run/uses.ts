// One prompt and one selection in every mode of `sift.use`: bits per byte of the continuation for the base model, with the
// picks in its context, after a step on each, and with both. One session gives all four, since a context leaves no trace.
import type { Backend } from '../../gateway/backends/contract.ts';
import { placeExamples } from '../../gateway/context.ts';
import { layout } from '../../wire/context.ts';
import { at } from '../../wire/list.ts';
import type { RankedPick } from '../../wire/tune.ts';
import type { Prompt } from '../material/prompts.ts';
import { openOptions, type Tuning } from './trajectory.ts';

export const USES = ['base', 'tune', 'context', 'both'] as const;
export type UseMode = (typeof USES)[number];

export interface UseRow {
  readonly prompt: string;
  readonly domain: string;
  readonly strategy: string;
  /** Bits per byte of the continuation. */
  readonly bits: Readonly<Record<UseMode, number>>;
  /** Seconds from opening the session to the continuation read, selection not counted. */
  readonly seconds: Readonly<Record<UseMode, number>>;
  readonly picks: number;
  /** Picks that went into the context, and their tokens. */
  readonly examples: number;
  readonly tokens: number;
  readonly tuningTokens: number;
}

export const measureUses = async (
  backend: Backend,
  tuning: Tuning,
  { id, domain, prompt, continuation }: Prompt,
  strategy: string,
  picks: readonly RankedPick[],
): Promise<UseRow> => {
  const { signal } = new AbortController();
  const { contextTokens } = at(backend.models, 0);
  const timed = async <T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> => {
    const started = performance.now();
    const value = await work();
    return { value, seconds: (performance.now() - started) / 1_000 };
  };
  const open = await timed(() => backend.open(openOptions('base', tuning), signal));
  const session = open.value;
  try {
    const score = (context: string) =>
      timed(async () => {
        const { bits, bytes } = await session.score(context, continuation, signal);
        return bits / bytes;
      });
    const asked = { picks, layout: layout.parse({}), prompt, following: continuation };
    const placed = await timed(() =>
      placeExamples(
        (texts) => session.count(texts, signal),
        asked,
        () => contextTokens,
      ),
    );
    const base = await score(prompt);
    const context = await score(placed.value.prompt);
    const steps = await timed(() =>
      Array.fromAsync(
        session.train(
          picks.map(({ text }) => text),
          signal,
        ),
      ),
    );
    const tune = await score(prompt);
    const both = await score(placed.value.prompt);
    return {
      prompt: id,
      domain,
      strategy,
      bits: { base: base.value, tune: tune.value, context: context.value, both: both.value },
      seconds: {
        base: open.seconds + base.seconds,
        tune: open.seconds + steps.seconds + tune.seconds,
        context: open.seconds + placed.seconds + context.seconds,
        both: open.seconds + placed.seconds + steps.seconds + both.seconds,
      },
      picks: picks.length,
      examples: placed.value.report.examples,
      tokens: placed.value.report.tokens,
      tuningTokens: steps.value.reduce((sum, { tokens }) => sum + tokens, 0),
    };
  } finally {
    await session.close();
  }
};
