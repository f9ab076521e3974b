// A backend of plain objects for tests: it writes down what happened, and a test can stop it at any point (`pauseAt`),
// so that no test has to sleep. A conversation reads `role: content` a line. Losses and scores fall with the steps (`lossOf` says otherwise); a token is a UTF-16 unit,
// and an example is cut at EXAMPLE_TOKENS of them.

import type {
  Backend,
  KeptWeights,
  Model,
  OpenOptions,
  Prompt,
  Sampling,
  Session,
} from '../../gateway/backends/contract.ts';
import { FaultError } from '../../wire/faults.ts';

export type Stage =
  | 'open'
  | 'count'
  | 'cut'
  | 'loss'
  | 'restart'
  | 'step'
  | 'generate'
  | 'piece'
  | 'score'
  | 'keep'
  | 'resume'
  | 'close';

export interface Pause {
  /** Resolves when the backend has come there. */
  readonly reached: Promise<void>;
  /** Lets it go on. Only an abort ends the pause otherwise; in `close`, nothing does. */
  release(): void;
}

export interface FakeBackend extends Backend {
  readonly log: string[];
  readonly opened: OpenOptions[];
  /** Texts whose loss was asked for without a step. */
  readonly lossesOf: string[];
  /** What was scored, and after how many steps of its session. */
  readonly scored: { readonly context: string; readonly text: string; readonly steps: number }[];
  /** Sessions open now; must be 0 whenever all requests are over. */
  readonly live: () => number;
  /** Resolves when no session is open. */
  readonly ended: () => Promise<void>;
  readonly closed: () => boolean;
  /** What was kept and not yet released; a test may take some away. */
  readonly kept: Map<KeptWeights, { readonly steps: number }>;
  /** Stops at the next time that it comes to this stage. */
  readonly pauseAt: (stage: Stage) => Pause;
}

export interface FakeOptions {
  concurrency?: number;
  /** Milliseconds of each step and piece. */
  stepMs?: number;
  /** Milliseconds that a step says it took: by default those it took. */
  toldMs?: number;
  /** Milliseconds of each loss that is asked for without a step. */
  lossMs?: number;
  pieces?: string[];
  loss?: number;
  /** The loss of a text after so many steps at this learning rate; after none it is the base's. */
  lossOf?: (text: string, steps: number, learningRate: number) => number;
  /** Any prompt is too long for this context. */
  contextTokens?: number;
  /** The model's template takes no conversation. */
  refuses?: boolean;
  /** Bytes of what a session keeps; by default a session's weights end with it. */
  keptBytes?: number;
  /** Whether sampled pieces depend on the seed, as a real model's do. */
  seeded?: boolean;
  failAt?: Stage;
  models?: readonly Model[];
  /** What is thrown at `failAt`. */
  error?: unknown;
}

/** A prompt as a text; ids are UTF-16 units here. */
export const textOf = (prompt: Prompt): string => {
  if (typeof prompt === 'string') return prompt;
  if ('ids' in prompt) return String.fromCharCode(...prompt.ids);
  return prompt.messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
};

export const fakeModel = (changes: Partial<Model> = {}): Model => ({
  id: 'base',
  contextTokens: 512,
  parameters: 5_000_000,
  revision: 'r1',
  chat: 'plain',
  capabilities: {
    methods: ['full', 'lora'],
    maxRank: 256,
    logprobs: true,
    topLogprobs: 5,
    penalties: true,
    streaming: true,
    pipelined: false,
  },
  defaults: { method: 'full', rank: 8, learningRate: { full: 5e-4, lora: 5e-3 }, from: 'size' },
  ...changes,
});

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

const EXAMPLE_TOKENS = 1_024;
/** From this learning rate on a step teaches all it can; below, in proportion. */
const FULL_RATE = 5e-4;

const never = new AbortController().signal;

export const fakeBackend = (options: FakeOptions = {}): FakeBackend => {
  const {
    concurrency = 1,
    stepMs = 0,
    lossMs = 0,
    pieces = ['Hel', 'lo'],
    loss = 2,
    failAt,
    models = [fakeModel()],
  } = options;
  const log: string[] = [];
  const opened: OpenOptions[] = [];
  const kept = new Map<KeptWeights, { readonly steps: number }>();
  const lossesOf: string[] = [];
  const scored: { context: string; text: string; steps: number }[] = [];
  const pauses = new Map<Stage, { arrive: () => void; released: Promise<void> }[]>();
  let ends: (() => void)[] = [];
  let live = 0;
  let closed = false;

  /** Waits where a test has asked for it, then fails if this is the stage that does. */
  const at = async (stage: Stage, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const paused = pauses.get(stage)?.shift();
    if (paused !== undefined) {
      paused.arrive();
      const aborted = Promise.withResolvers<never>();
      aborted.promise.catch(() => {});
      const abort = (): void => aborted.reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      await Promise.race([paused.released, aborted.promise]);
      signal.removeEventListener('abort', abort);
    }
    if (failAt === stage) throw 'error' in options ? options.error : new Error(`${stage} broke`);
  };

  const bytes = options.keptBytes ?? 0;
  const session = ({ optimiser, reuseGradients }: OpenOptions): Session => {
    let steps = 0;
    let { learningRate } = optimiser;
    const times = new Map<string, number>();
    const lossNow = (text: string): number =>
      options.lossOf?.(text, steps, learningRate) ?? loss / (1 + steps * Math.min(1, learningRate / FULL_RATE));
    let open = true;
    return {
      async check(prompt) {
        if (options.refuses === true && typeof prompt === 'object') {
          throw new FaultError({ kind: 'bad_field', param: 'messages', message: 'are refused' });
        }
        if (options.contextTokens !== undefined) {
          throw new FaultError({ kind: 'context_length', param: 'prompt', got: 9, limit: options.contextTokens });
        }
      },
      async count(prompts, signal) {
        await at('count', signal);
        signal.throwIfAborted();
        return prompts.map((prompt) => textOf(prompt).length);
      },
      async cut(prompt, most, signal) {
        await at('cut', signal);
        signal.throwIfAborted();
        const text = textOf(prompt);
        if (text.length <= most) return { prompt, kept: text.length, dropped: 0 };
        const kept = Array.from(text.slice(-most), (_, i) => text.slice(-most).charCodeAt(i));
        return { prompt: { ids: kept }, kept: kept.length, dropped: text.length - kept.length };
      },
      async *train(examples, signal) {
        for (const text of examples) {
          await at('step', signal);
          await pause(stepMs, signal);
          const before = lossNow(text);
          const tokens = Math.min(text.length, EXAMPLE_TOKENS);
          const time = (times.get(text) ?? 0) + 1;
          times.set(text, time);
          steps += 1;
          log.push(`step ${text}`);
          const reused = reuseGradients && time % 2 === 0;
          yield { loss: before, tokens, truncated: tokens < text.length, ms: options.toldMs ?? stepMs, reused };
        }
      },
      async *losses(examples, signal) {
        for (const text of examples) {
          await at('loss', signal);
          await pause(lossMs, signal);
          lossesOf.push(text);
          yield lossNow(text);
        }
      },
      async restart(rate, signal) {
        await at('restart', signal);
        signal.throwIfAborted();
        steps = 0;
        times.clear();
        learningRate = rate;
        log.push(`restart ${rate}`);
      },
      ...(options.keptBytes === undefined
        ? {}
        : {
            keeping: {
              async keep(maxBytes: number, signal: AbortSignal) {
                await at('keep', signal);
                if (bytes > maxBytes) return undefined;
                const weights = { bytes };
                kept.set(weights, { steps });
                log.push(`keep ${steps}`);
                return weights;
              },
              async resume(weights: KeptWeights, signal: AbortSignal) {
                await at('resume', signal);
                const found = kept.get(weights);
                if (found === undefined) return false;
                ({ steps } = found);
                log.push(`resume ${steps}`);
                return true;
              },
            },
          }),
      async *generate(asked: Prompt, sampling: Sampling, signal: AbortSignal) {
        await at('generate', signal);
        const prompt = textOf(asked);
        let tokens = 0;
        let said = '';
        const alone = (token: string, logprob: number) => ({ token, bytes: [...Buffer.from(token)], logprob });
        // -1 for the token itself, and alternatives that are no better
        const told = (token: string) =>
          sampling.logprobs === undefined
            ? {}
            : {
                logprobs: [
                  {
                    ...alone(token, -1),
                    top: Array.from({ length: sampling.logprobs }, (_, i) => alone(`${i}`, -1 - i)),
                  },
                ],
              };
        const end = (finishReason: 'stop' | 'length') => {
          log.push(`generate ${prompt} ${sampling.temperature}`);
          return { finishReason, promptTokens: prompt.length, completionTokens: tokens };
        };
        for (const [index, piece] of pieces.entries()) {
          if (tokens >= sampling.maxTokens) return end('length');
          await at('piece', signal);
          await pause(stepMs, signal);
          const text =
            sampling.temperature === 0 || options.seeded !== true
              ? piece
              : `${piece}${(sampling.seed * 31 + index) % 97} `;
          tokens += 1;
          const stop = sampling.stop.find((one) => (said + text).includes(one));
          if (stop !== undefined) {
            const rest = (said + text).slice(said.length, (said + text).indexOf(stop));
            if (rest !== '') yield { text: rest, tokens, ...told(rest) };
            return end('stop');
          }
          said += text;
          yield { text, tokens, ...told(text) };
        }
        return end('stop');
      },
      async score(context, text, signal) {
        await at('score', signal);
        scored.push({ context, text, steps });
        await pause(stepMs, signal);
        const bytes = Buffer.byteLength(text);
        return { bits: bytes * (4 - steps), bytes, tokens: text.length };
      },
      async close() {
        await at('close', never);
        if (!open) return;
        open = false;
        live -= 1;
        if (live > 0) return;
        for (const resolve of ends) resolve();
        ends = [];
      },
    };
  };
  return {
    log,
    opened,
    kept,
    release: (weights) => void kept.delete(weights),
    lossesOf,
    scored,
    live: () => live,
    ended: () => (live === 0 ? Promise.resolve() : new Promise((resolve) => ends.push(resolve))),
    closed: () => closed,
    pauseAt(stage) {
      const arrived = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      const all = pauses.get(stage) ?? [];
      all.push({ arrive: arrived.resolve, released: release.promise });
      pauses.set(stage, all);
      return { reached: arrived.promise, release: release.resolve };
    },
    concurrency,
    models,
    async open(openOptions, signal) {
      await at('open', signal);
      if (!models.some(({ id }) => id === openOptions.model)) {
        throw new FaultError({ kind: 'backend', message: `no model '${openOptions.model}'` });
      }
      opened.push(openOptions);
      live += 1;
      return session(openOptions);
    },
    async close() {
      closed = true;
    },
  };
};
