// One prompt, one selection: bits per byte of its texts with so many of the picks tuned on and so many of them in the
// context, at the points that a task names. One session gives all of them, since reading a context leaves no trace.
// The losses of the picks under the base weights and before their own steps are kept too: docs/design/guard.md is about those.
import type { Backend, Session } from '../../gateway/backends/contract.ts';
import { placeExamples } from '../../gateway/context.ts';
import { layout } from '../../wire/context.ts';
import { at } from '../../wire/list.ts';
import type { RankedPick } from '../../wire/tune/requests.ts';
import type { Picked } from '../choose/for-both-texts.ts';
import type { SelectionSpec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored } from '../material/setting.ts';
import { short } from '../statistics.ts';
import { openOptions, type Tuning } from './trajectory.ts';

/** What is read, and when: after so many steps, with so many of the first picks in the context. */
export interface Point {
  readonly steps: number;
  readonly context: number;
  readonly text: Scored;
}

export interface ModeTask {
  readonly prompt: Prompt;
  readonly strategy: string;
  readonly selection: SelectionSpec;
  readonly tuning: Tuning;
  readonly points: readonly Point[];
  /** Whether the picks' losses under the base weights are measured. */
  readonly baseLosses: boolean;
}

export interface Reading extends Point {
  readonly bitsPerByte: number;
  /** Examples that found room, and the tokens they take. */
  readonly examples: number;
  readonly tokens: number;
}

export interface ModeRow {
  readonly prompt: string;
  readonly domain: string;
  readonly strategy: string;
  readonly copies: number;
  readonly tuning: Tuning;
  readonly readings: readonly Reading[];
  /** Nats per token of each pick under the base weights; before its own step; of the steps, their tokens and milliseconds. */
  readonly baseLosses: readonly number[];
  readonly losses: readonly number[];
  readonly tokens: readonly number[];
  readonly ms: readonly number[];
  /** Numbers of the picks, their similarities with the prompt, and the variances they leave. */
  readonly picks: readonly number[];
  readonly similarities: readonly number[];
  readonly variances: readonly number[];
}

const never = new AbortController().signal;

/** Reads one text; `window`: tokens of the model's context. */
const read = async (
  session: Session,
  window: number,
  { prompt, continuation }: Prompt,
  picks: readonly RankedPick[],
  point: Point,
): Promise<Reading> => {
  const [before, text] = point.text === 'continuation' ? [prompt, continuation] : ['', prompt];
  const placed = await placeExamples(
    (texts) => session.count(texts, never),
    { picks: picks.slice(0, point.context), layout: layout.parse({}), prompt: before, following: text },
    () => window,
  );
  const { bits, bytes } = await session.score(placed.prompt, text, never);
  const { examples, tokens } = placed.report;
  return { ...point, bitsPerByte: short(bits / bytes, 5), examples, tokens };
};

export const measureModes = async (
  backend: Backend,
  task: ModeTask,
  { picks, variances }: Picked,
): Promise<ModeRow> => {
  const { prompt, strategy, selection, tuning, points } = task;
  const { contextTokens } = at(backend.models, 0);
  const session = await backend.open(openOptions('base', tuning), never);
  const [readings, baseLosses, losses, tokens, ms]: [Reading[], number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
    [],
  ];
  const last = Math.max(...points.map(({ steps }) => steps));
  const stepped = picks.slice(0, last);
  try {
    const readAfter = async (steps: number): Promise<void> => {
      for (const point of points) {
        if (point.steps === steps) readings.push(await read(session, contextTokens, prompt, picks, point));
      }
    };
    await readAfter(0);
    if (task.baseLosses) {
      for (const { text } of stepped) {
        const { bits, tokens: scored } = await session.score('', text, never);
        baseLosses.push(short((bits * Math.LN2) / scored, 5));
      }
    }
    for (const [index, { text }] of stepped.entries()) {
      for await (const step of session.train([text], never)) {
        losses.push(short(step.loss, 5));
        tokens.push(step.tokens);
        ms.push(short(step.ms, 1));
      }
      await readAfter(index + 1);
    }
  } finally {
    await session.close();
  }
  return {
    prompt: prompt.id,
    domain: prompt.domain,
    strategy,
    copies: selection.copies,
    tuning,
    readings,
    baseLosses,
    losses,
    tokens,
    ms,
    picks: picks.map(({ id }) => Number(id)),
    similarities: picks.map(({ similarity = 0 }) => short(similarity)),
    variances: variances.map((value) => short(value, 5)),
  };
};
