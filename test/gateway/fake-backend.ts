// A backend of plain objects for the gateway's tests: its steps take as long as told, and it writes down what happened.

import type { Backend, OpenOptions, Sampling, Session } from '../../gateway/backends/contract.ts';
import { FaultError } from '../../wire/faults.ts';

export interface FakeBackend extends Backend {
  readonly log: string[];
  readonly opened: OpenOptions[];
  /** Sessions open now; must be 0 whenever all requests are over. */
  readonly live: () => number;
}

export interface FakeOptions {
  concurrency?: number;
  stepMs?: number;
  pieces?: string[];
  loss?: number;
  /** Any prompt is too long for this context. */
  contextTokens?: number;
  failAt?: 'open' | 'step' | 'generate' | 'score';
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

export const fakeBackend = (options: FakeOptions = {}): FakeBackend => {
  const { concurrency = 1, stepMs = 0, pieces = ['Hel', 'lo'], loss = 2, failAt } = options;
  const log: string[] = [];
  const opened: OpenOptions[] = [];
  let live = 0;
  const mayFail = (stage: FakeOptions['failAt']): void => {
    if (failAt === stage) throw new Error(`${stage} broke`);
  };
  const session = (): Session => {
    let steps = 0;
    let open = true;
    return {
      async check() {
        if (options.contextTokens !== undefined) {
          throw new FaultError({ kind: 'context_length', param: 'prompt', got: 9, limit: options.contextTokens });
        }
      },
      async *train(examples, signal) {
        for (const text of examples) {
          mayFail('step');
          await pause(stepMs, signal);
          steps += 1;
          log.push(`step ${text}`);
          yield { loss: loss / steps, tokens: text.length, truncated: false, ms: stepMs, reused: false };
        }
      },
      async *generate(prompt: string, sampling: Sampling, signal: AbortSignal) {
        mayFail('generate');
        let tokens = 0;
        for (const text of pieces) {
          await pause(stepMs, signal);
          tokens += 1;
          yield { text, tokens };
        }
        log.push(`generate ${prompt} ${sampling.temperature}`);
        return { finishReason: 'stop' as const, promptTokens: prompt.length, completionTokens: tokens };
      },
      async score(_context, text) {
        mayFail('score');
        return { bits: text.length * (4 - steps), bytes: text.length, tokens: text.length };
      },
      async close() {
        if (open) live -= 1;
        open = false;
      },
    };
  };
  return {
    log,
    opened,
    live: () => live,
    concurrency,
    models: [{ id: 'base', contextTokens: 512, parameters: 5_000_000 }],
    async open(openOptions) {
      mayFail('open');
      opened.push(openOptions);
      live += 1;
      return session();
    },
    async close() {},
  };
};
