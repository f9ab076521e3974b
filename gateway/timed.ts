// A backend whose work is timed as it is done, for the estimates of pace.ts. What is cut short or fails is not counted.
// Steps and scores are timed as they are waited for; a generation from its first token to its last, whoever was slow.
import type { Backend, Generation, Model, OpenOptions, Piece, Prompt, Sampling, Session } from './backends/contract.ts';
import { paceKey, scoredTokens, tokensIn, tokensOf } from './cost.ts';
import type { Pace } from './pace.ts';
import { charactersOf } from './prompt.ts';

type Clock = () => number;

async function* timedPieces(
  generation: AsyncGenerator<Piece, Generation, void>,
  units: number,
  pace: Pace,
  now: Clock,
): AsyncGenerator<Piece, Generation, void> {
  const started = now();
  let first: { readonly ms: number; readonly tokens: number } | undefined;
  try {
    for (let next = await generation.next(); ; next = await generation.next()) {
      if (next.done) {
        const tokens = next.value.completionTokens - (first?.tokens ?? 0);
        if (first !== undefined && tokens > 0) pace.generated(tokens, now() - first.ms);
        return next.value;
      }
      if (first === undefined) {
        first = { ms: now(), tokens: next.value.tokens };
        if (units > 0) pace.read(units, first.ms - started);
      }
      yield next.value;
    }
  } finally {
    // after its end this does nothing
    await generation.return({ finishReason: 'stop', promptTokens: 0, completionTokens: 0 });
  }
}

/**
 * Pieces of work of one call. Where all are asked for at once, the first waits for others' too and some come together, so
 * that only the whole tells anything: each then takes a share by its length.
 */
const pieces = (pipelined: boolean, tell: (units: number, ms: number) => void) => {
  const lengths: number[] = [];
  let total = 0;
  return {
    add(units: number, ms: number): void {
      if (!pipelined) tell(units, ms);
      else lengths.push(units);
      total += ms;
    },
    /** The call has ended by itself. */
    all(): void {
      const sum = lengths.reduce((all, units) => all + units, 0);
      for (const units of lengths) tell(units, (total * units) / sum);
    },
  };
};

const timedSession = (
  session: Session,
  { method, rank }: OpenOptions,
  { contextTokens: context, capabilities: { pipelined } }: Model,
  pace: Pace,
  now: Clock,
): Session => {
  const key = paceKey({ method, rank });
  const read = new Set<Prompt>();
  return {
    check: (prompt, signal) => session.check(prompt, signal),
    count: (prompts, signal) => session.count(prompts, signal),
    cut: (prompt, most, signal) => session.cut(prompt, most, signal),
    async *train(examples, signal) {
      const done = pieces(pipelined, (units, ms) => pace.step(key, units, ms));
      let index = 0;
      let waitedFrom = now();
      for await (const step of session.train(examples, signal)) {
        const text = examples[index++];
        // steps that were made while nobody waited say themselves how long they took
        const ms = pipelined ? step.ms : now() - waitedFrom;
        if (text !== undefined && !step.reused) done.add(Math.min(tokensOf(text), context), ms);
        yield step;
        waitedFrom = now();
      }
      done.all();
    },
    async *losses(examples, signal) {
      const done = pieces(pipelined, (units, ms) => pace.read(units, ms));
      let index = 0;
      let waitedFrom = now();
      for await (const loss of session.losses(examples, signal)) {
        const text = examples[index++];
        if (text !== undefined) done.add(Math.min(tokensOf(text), context), now() - waitedFrom);
        yield loss;
        waitedFrom = now();
      }
      done.all();
    },
    restart: (learningRate, signal) => session.restart(learningRate, signal),
    generate: (prompt: Prompt, sampling: Sampling, signal: AbortSignal) => {
      // further samples of a prompt may find it read
      const reading = !read.has(prompt);
      read.add(prompt);
      const units = reading ? Math.min(tokensIn(charactersOf(prompt)), context) : 0;
      return timedPieces(session.generate(prompt, sampling, signal), units, pace, now);
    },
    async score(before, text, signal) {
      const from = now();
      const score = await session.score(before, text, signal);
      pace.read(scoredTokens(tokensOf(before), tokensOf(text), context), now() - from);
      return score;
    },
    ...(session.keeping === undefined ? {} : { keeping: session.keeping }),
    close: () => session.close(),
  };
};

/** The backend for requests of one model. */
export const timedBackend = (backend: Backend, model: Model, pace: Pace, now: Clock): Backend => ({
  models: backend.models,
  concurrency: backend.concurrency,
  ...(backend.isWell === undefined ? {} : { isWell: () => backend.isWell?.() !== false }),
  ...(backend.release === undefined ? {} : { release: (kept) => backend.release?.(kept) }),
  open: async (options, signal) => timedSession(await backend.open(options, signal), options, model, pace, now),
  close: () => backend.close(),
});
