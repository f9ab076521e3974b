// Steps, losses and scores. Steps go out all at once, their losses come back in order. Loss weights are 1/n and all of
// Adam's values are sent, so that every server computes the same update, whatever its defaults are.
// Left out: `reuseGradients` has no counterpart on the wire; each step computes its gradient anew.
import { FaultError } from '../../../wire/faults.ts';
import { at } from '../../../wire/list.ts';
import { messageOf } from '../../../wire/message.ts';
import type { Adam, Score, Step } from '../contract.ts';
import { type Example, scoringWindows } from '../text/sequence.ts';
import type { Life, Trained } from './life.ts';
import { logprobsOfJson, logprobsOfProto, lossRequestJson, lossRequestProto } from './messages.ts';
import { pipelined } from './pipeline.ts';
import type { Reading } from './reading.ts';
import { type Body, json } from './server.ts';

export interface LearningOptions {
  readonly life: Life;
  readonly reading: Reading;
  readonly contextTokens: number;
  /** The model's name, for errors. */
  readonly name: string;
  /** Of one example. */
  readonly trainTokens: number;
  readonly encoding: 'protobuf' | 'json';
  readonly optimiser: Adam;
}

export interface Learning {
  train(texts: readonly string[], signal: AbortSignal): AsyncGenerator<Step, void, void>;
  losses(texts: readonly string[], signal: AbortSignal): AsyncGenerator<number, void, void>;
  score(context: string, text: string, signal: AbortSignal): Promise<Score>;
  restart(learningRate: number): void;
}

const meanLoss = (logp: Float32Array): number => logp.reduce((sum, value) => sum - value, 0) / logp.length;

export const learningOf = ({
  life,
  reading,
  contextTokens,
  name,
  trainTokens,
  encoding,
  optimiser,
}: LearningOptions): Learning => {
  const { server } = life;
  let { learningRate } = optimiser;
  let steps = 0;

  const within = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, life.ended]);
  const torn = (to: Trained) => (error: unknown) => {
    to.torn ??= new FaultError({ kind: 'backend', message: 'earlier work of this session was cut short' }, error);
  };
  const notFinite = (): FaultError => {
    const why =
      steps === 0
        ? `of model '${name}' are not finite numbers`
        : `are not finite numbers after ${steps} ${steps === 1 ? 'step' : 'steps'} at learning_rate ${learningRate}; a smaller learning_rate may help`;
    return new FaultError({ kind: 'backend', message: `the probabilities ${why}` });
  };

  const sendLoss = (to: Trained, ids: readonly number[], forwardOnly: boolean, signal: AbortSignal) => {
    const targets = ids.length - 1;
    const datum = { ids, weights: new Float32Array(targets).fill(1 / targets) };
    const body = (seqId: number): Body => {
      const request = { modelId: to.id, seqId, datum, forwardOnly };
      return encoding === 'json'
        ? json(lossRequestJson(request))
        : { type: 'protobuf', bytes: lossRequestProto(request) };
    };
    // in protobuf a field says it, in JSON the path
    const path = forwardOnly && encoding === 'json' ? 'forward' : 'forward_backward';
    return life.operate(to, path, body, signal);
  };
  const sendStep = (to: Trained, signal: AbortSignal): Promise<string> => {
    const { beta1, beta2, epsilon, weightDecay } = optimiser;
    const adam_params = {
      learning_rate: learningRate,
      beta1,
      beta2,
      eps: epsilon,
      weight_decay: weightDecay,
      grad_clip_norm: 0,
    };
    const body = (seq_id: number) => json({ adam_params, model_id: to.id, seq_id, type: 'optim_step' });
    return life.operate(to, 'optim_step', body, signal);
  };
  const logprobs = async (requestId: string, targets: number, signal: AbortSignal): Promise<Float32Array> => {
    const body = await life.result(requestId, signal);
    let logp: Float32Array;
    try {
      logp = body.type === 'protobuf' ? logprobsOfProto(body.bytes) : logprobsOfJson(body.value);
    } catch (error) {
      throw server.error({ kind: 'nonsense', what: `log-probabilities: ${messageOf(error)}` }, error);
    }
    if (logp.length === targets) return logp;
    throw server.error({ kind: 'nonsense', what: `${logp.length} log-probabilities of ${targets} tokens` });
  };

  const examplesOf = async (texts: readonly string[], signal: AbortSignal): Promise<Example[]> => {
    const examples: Example[] = [];
    for (const text of texts) examples.push(await reading.example(text, trainTokens, signal));
    return examples;
  };

  async function* train(texts: readonly string[], signal: AbortSignal): AsyncGenerator<Step, void, void> {
    const examples = await examplesOf(texts, signal);
    const to = await life.current();
    const full = examples.filter(({ tokens }) => tokens > 0);
    if (full.length > 0) to.sampler = undefined;
    let last = performance.now();
    const losses = pipelined(
      {
        count: full.length,
        submit: (index, inner) => Promise.all([sendLoss(to, at(full, index).ids, false, inner), sendStep(to, inner)]),
        async result([loss = '', step = ''], index, inner) {
          const [logp, stepped] = await Promise.all([
            logprobs(loss, at(full, index).tokens, inner),
            life.result(step, inner).catch((error: unknown) => ({ error })),
          ]);
          const mean = meanLoss(logp);
          // a loss that is no number says more than the step that the server then refuses
          if ('error' in stepped && Number.isFinite(mean)) throw stepped.error;
          return mean;
        },
        cancel: life.cancel,
        torn: torn(to),
      },
      within(signal),
    );
    try {
      for (const { tokens, truncated } of examples) {
        if (tokens === 0) {
          yield { loss: 0, tokens, truncated, ms: 0, reused: false };
          continue;
        }
        const next = await losses.next();
        if (next.done) return;
        const { value: loss, at: came } = next.value;
        steps += 1;
        // from result to result as they came, however late they are read
        const ms = Math.max(0, came - last);
        last = Math.max(last, came);
        yield { loss, tokens, truncated, ms, reused: false };
      }
    } finally {
      await losses.return();
    }
  }

  /** Passes without a gradient, in order. */
  const forward = async (passes: readonly (readonly number[])[], signal: AbortSignal) => {
    const to = await life.current();
    return pipelined(
      {
        count: passes.length,
        submit: async (index, inner) => [await sendLoss(to, at(passes, index), true, inner)],
        result: ([id = ''], index, inner) => logprobs(id, at(passes, index).length - 1, inner),
        cancel: life.cancel,
        torn: torn(to),
      },
      within(signal),
    );
  };

  return {
    train,
    async *losses(texts, signal) {
      const examples = await examplesOf(texts, signal);
      const full = examples.filter(({ tokens }) => tokens > 0);
      const passes = await forward(
        full.map(({ ids }) => ids),
        signal,
      );
      try {
        for (const { tokens } of examples) {
          if (tokens === 0) {
            yield 0;
            continue;
          }
          const next = await passes.next();
          if (next.done) return;
          const loss = meanLoss(next.value.value);
          if (!Number.isFinite(loss)) throw notFinite();
          yield loss;
        }
      } finally {
        await passes.return();
      }
    },
    async score(context, text, signal) {
      const { ids, from: first } = await reading.scored(context, text, signal);
      const windows = scoringWindows(ids.length, first, contextTokens);
      const passes = await forward(
        windows.map(({ from, end }) => ids.slice(from, end)),
        signal,
      );
      let nats = 0;
      let index = 0;
      for await (const { value: logp } of passes) {
        const { from, next, end } = at(windows, index++);
        for (let i = next; i < end; i++) nats -= at(logp, i - from - 1);
      }
      if (!Number.isFinite(nats)) throw notFinite();
      return { bits: nats / Math.LN2, bytes: Buffer.byteLength(text), tokens: ids.length - first };
    },
    restart(rate) {
      learningRate = rate;
      steps = 0;
    },
  };
};
