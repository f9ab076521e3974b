// A session of a backend that the gateway need not trust: whatever hangs, throws or talks nonsense behind the contract
// ends in a fault of this one request, and an abort ends every wait at once. What a hanging call leaves behind is the
// backend's own; the gateway logs it and goes on.
import { inspect } from 'node:util';
import { FaultError } from '../wire/faults.ts';
import { BACKEND_CLOSE_MS, BACKEND_RETURN_MS } from '../wire/limits.ts';
import type {
  Backend,
  Generation,
  Keeping,
  KeptWeights,
  OpenOptions,
  Piece,
  Prompt,
  Sampling,
  Score,
  Session,
  Step,
} from './backends/contract.ts';
import { orAborted } from './backends/pause.ts';
import { logError } from './log.ts';

const backendFault = (message: string, cause?: unknown): FaultError =>
  new FaultError({ kind: 'backend', message }, cause);

/** What a backend threw, as a fault; an abort's own reason stays what it is. */
const asBackendFault = (error: unknown, signal: AbortSignal): unknown => {
  if (error instanceof FaultError || (signal.aborted && error === signal.reason)) return error;
  if (error instanceof Error) return backendFault(error.message, error);
  const message = typeof error === 'string' ? error : 'it threw something that is no error';
  return backendFault(message, new Error(`a backend threw ${inspect(error)}`));
};

/** The result of the work, or the signal's reason as soon as it is aborted, whatever the work then does. */
const abortable = async <T>(work: () => T | PromiseLike<T>, signal: AbortSignal): Promise<T> => {
  signal.throwIfAborted();
  try {
    return await orAborted(Promise.resolve(work()), signal);
  } catch (error) {
    throw asBackendFault(error, signal);
  }
};

/** Waits for a clean-up, but no longer than this; says so if it fails or is late. Never throws. */
export const cleanedUp = async (what: string, ms: number, work: () => unknown): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logError(what, `not done after ${ms} ms; going on without it`);
      resolve();
    }, ms);
  });
  const done = (async () => {
    try {
      await work();
    } catch (error) {
      logError(what, error);
    }
  })();
  await Promise.race([done, late]);
  clearTimeout(timer);
};

/** What an iterator yields and returns; an abort ends the wait for its next value, and leaving ends the iterator. */
async function* watched<T, R>(begin: () => AsyncIterator<T, R, void>, signal: AbortSignal): AsyncGenerator<T, R, void> {
  const iterator = await abortable(begin, signal);
  let over = false;
  try {
    for (;;) {
      const next = await abortable(() => iterator.next(), signal);
      if (next.done) {
        over = true;
        return next.value;
      }
      yield next.value;
    }
  } finally {
    if (!over) await cleanedUp('ending the work of a backend', BACKEND_RETURN_MS, () => iterator.return?.());
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

async function* guardedSteps(
  session: Session,
  examples: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Step, void, void> {
  let made = 0;
  for await (const step of watched(() => session.train(examples, signal)[Symbol.asyncIterator](), signal)) {
    made += 1;
    if (made > examples.length) throw backendFault(`it made more than the ${examples.length} steps it was asked for`);
    if (!isCount(step.tokens)) throw backendFault(`step ${made} says that it read ${step.tokens} tokens`);
    yield step;
  }
  signal.throwIfAborted();
  if (made !== examples.length) throw backendFault(`${made} of ${examples.length} steps were made`);
}

async function* guardedLosses(
  session: Session,
  examples: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<number, void, void> {
  let told = 0;
  for await (const loss of watched(() => session.losses(examples, signal)[Symbol.asyncIterator](), signal)) {
    told += 1;
    if (told > examples.length) throw backendFault(`it told more than the ${examples.length} losses it was asked for`);
    if (!Number.isFinite(loss)) throw backendFault(`it says that the loss of an example is ${loss}`);
    yield loss;
  }
  signal.throwIfAborted();
  if (told !== examples.length) throw backendFault(`it told ${told} of ${examples.length} losses`);
}

async function* guardedPieces(
  session: Session,
  prompt: Prompt,
  sampling: Sampling,
  signal: AbortSignal,
): AsyncGenerator<Piece, Generation, void> {
  const generation = watched(() => session.generate(prompt, sampling, signal), signal);
  // a token may come in a few pieces, and a last piece without one of its own: far more is a backend that never ends
  const most = 4 * sampling.maxTokens + 4;
  let pieces = 0;
  try {
    for (let next = await generation.next(); ; next = await generation.next()) {
      if (next.done) return next.value;
      pieces += 1;
      if (next.value.tokens > sampling.maxTokens || pieces > most) {
        throw backendFault(`it generated more than the ${sampling.maxTokens} tokens it was asked for`);
      }
      yield next.value;
    }
  } finally {
    await generation.return({ finishReason: 'stop', promptTokens: 0, completionTokens: 0 });
  }
}

type Release = (kept: KeptWeights) => void;

const guardedKeeping = (keeping: Keeping, release: Release): Keeping => ({
  async keep(maxBytes, signal) {
    let keep: Promise<KeptWeights | undefined> | undefined;
    const freed = (kept: KeptWeights | undefined): void => {
      if (kept !== undefined) release(kept);
    };
    try {
      const kept = await abortable(() => {
        keep = keeping.keep(maxBytes, signal);
        return keep;
      }, signal);
      if (kept === undefined || (isCount(kept.bytes) && kept.bytes <= maxBytes)) return kept;
      throw backendFault(`it kept weights of ${kept.bytes} bytes where ${maxBytes} were allowed`);
    } catch (error) {
      // nobody will know of what is kept all the same
      keep?.then(freed, () => {});
      throw error;
    }
  },
  resume: (kept, signal) => abortable(() => keeping.resume(kept, signal), signal),
});

const guarded = (session: Session, release: Release): Session => {
  let closing: Promise<void> | undefined;
  return {
    check: (prompt, signal) => abortable(() => session.check(prompt, signal), signal),
    cut: async (prompt, most, signal) => {
      const cut = await abortable(() => session.cut(prompt, most, signal), signal);
      if (isCount(cut.kept) && cut.kept <= most && isCount(cut.dropped)) return cut;
      throw backendFault(`it cut a prompt to ${cut.kept} tokens, less ${cut.dropped}, where ${most} were asked for`);
    },
    count: async (prompts, signal) => {
      const counts = await abortable(() => session.count(prompts, signal), signal);
      const counted = Array.isArray(counts) ? counts.length : 0;
      if (counted !== prompts.length) throw backendFault(`it counted ${counted} of ${prompts.length} texts`);
      const wrong = counts.find((tokens) => !isCount(tokens));
      if (wrong !== undefined) throw backendFault(`it says that a text has ${wrong} tokens`);
      return counts;
    },
    train: (examples, signal) => guardedSteps(session, examples, signal),
    losses: (examples, signal) => guardedLosses(session, examples, signal),
    restart: (learningRate, signal) => abortable(() => session.restart(learningRate, signal), signal),
    generate: (prompt, sampling, signal) => guardedPieces(session, prompt, sampling, signal),
    score: async (context, text, signal): Promise<Score> => {
      const score = await abortable(() => session.score(context, text, signal), signal);
      if (!Number.isFinite(score.bits)) throw backendFault(`the score of the text is ${score.bits} bits`);
      return score;
    },
    ...(session.keeping === undefined ? {} : { keeping: guardedKeeping(session.keeping, release) }),
    close: () => {
      closing ??= cleanedUp('closing a session', BACKEND_CLOSE_MS, () => session.close());
      return closing;
    },
  };
};

/** A session of the backend, guarded. One that is opened only after an abort is closed again. */
export const openGuarded = async (backend: Backend, options: OpenOptions, signal: AbortSignal): Promise<Session> => {
  let opening: Promise<Session> | undefined;
  const release = (kept: KeptWeights): void => backend.release?.(kept);
  try {
    return guarded(
      await abortable(() => {
        opening = Promise.resolve(backend.open(options, signal));
        return opening;
      }, signal),
      release,
    );
  } catch (error) {
    opening?.then(
      (late) => guarded(late, release).close(),
      () => {},
    );
    throw error;
  }
};
