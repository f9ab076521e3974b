// A gateway that answers tuning requests as told, event by event, with models that a test can count on.

import type { TuneRequest } from '../../wire/tune/requests.ts';
import type { TokenLogprob, TuneEvent } from '../../wire/tune/responses.ts';
import { type Exchange, type ScriptedGateway, scriptedGateway } from './scripted-gateway.ts';

export const MODELS = {
  models: [
    {
      id: 'base',
      context_tokens: 512,
      parameters: 5_000_000,
      chat: 'own',
      max_logprobs: 20,
      defaults: { method: 'full', rank: 8, learning_rate: { full: 5e-4, lora: 5e-3 }, from: 'size' },
      capabilities: { methods: ['full', 'lora'], max_rank: 256, logprobs: true, streaming: true, penalties: true },
    },
  ],
};

const step = (index: number, of: number, id: string): TuneEvent => ({
  event: 'step',
  step: { index, of, id, loss: 2.5, tokens: 9, truncated: false, ms: 3, reused: false },
});

const usageOf = (steps: number, samples: number): TuneEvent => ({
  event: 'usage',
  usage: {
    prompt_tokens: 5,
    completion_tokens: 2 * samples,
    tuning_tokens: 9 * steps,
    steps,
    tuning: { method: 'lora', rank: 32, learning_rate: 1e-3, guard: null, adapter: null },
    ms: { queue: 0, open: 0, tune: 0, generate: 0 },
  },
});

export const logprobsOf = (token: string, wanted: number): TokenLogprob[] => {
  const alone = (text: string, logprob: number) => ({ token: text, bytes: [...Buffer.from(text)], logprob });
  const others = Array.from({ length: wanted }, (_, i) => alone(`alternative ${i}`, -1 - i));
  return [{ ...alone(token, -0.5), top: others }];
};

/** What a good gateway says to a request: every pick a step, "Hel" and "lo" for each sample, the samples in turn. */
export const goodEvents = (request: TuneRequest): TuneEvent[] => {
  const { n, logprobs } = request.sampling;
  const picks = request.use === 'context' ? [] : request.picks;
  const samples = Array.from({ length: n }, (_, index) => index);
  return [
    { event: 'queued', position: 0 },
    ...picks.map(({ id }, i) => step(i, picks.length, id)),
    ...(request.sampling.truncate === 'start'
      ? [{ event: 'truncated', dropped_tokens: 7, kept_tokens: 5 } as const]
      : []),
    ...(request.use === 'both' || request.use === 'context'
      ? [{ event: 'context', examples: request.picks.length, dropped: 0, tokens: 30 } as const]
      : []),
    ...['Hel', 'lo'].flatMap((text, i) =>
      samples.map(
        (index): TuneEvent => ({
          event: 'token',
          index,
          text,
          tokens: i + 1,
          ...(logprobs === null ? {} : { logprobs: logprobsOf(text, logprobs) }),
        }),
      ),
    ),
    ...samples.map(
      (index): TuneEvent => ({ event: 'finish', index, finish_reason: index % 2 === 0 ? 'stop' : 'length' }),
    ),
    usageOf(picks.length, n),
    { event: 'done', finish_reason: 'stop' },
  ];
};

export type Tuning = (request: TuneRequest, exchange: Exchange) => Promise<void> | void;

export interface OpenAiGateway extends ScriptedGateway {
  /** How tuning requests are answered; the good way when absent. */
  tuning: Tuning | undefined;
  /** Tuning requests since the last look. */
  asked(): TuneRequest[];
}

export const openAiGateway = async (): Promise<OpenAiGateway> => {
  let seen = 0;
  const of: { tuning: Tuning | undefined } = { tuning: undefined };
  const gateway = await scriptedGateway(async (exchange) => {
    if (exchange.seen.path === '/v1/models') return exchange.answer(200, MODELS);
    if (exchange.seen.path === '/v1/forget') return exchange.answer(200, { adapters: 0 });
    const request = JSON.parse(exchange.seen.body) as TuneRequest;
    if (of.tuning !== undefined) return of.tuning(request, exchange);
    await exchange.stream();
    await exchange.events(...goodEvents(request));
    exchange.end();
  });
  return Object.assign(of, {
    ...gateway,
    asked: () => {
      const all = gateway.requests.filter(({ path }) => path === '/v1/tune');
      const fresh = all.slice(seen).map(({ body }) => JSON.parse(body) as TuneRequest);
      seen = all.length;
      return fresh;
    },
  });
};
