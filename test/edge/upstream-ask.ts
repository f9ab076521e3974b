// One call to a gateway as the edge makes it, told as data: the same in Node and, through upstream-worker.ts, in workerd.
import { UpstreamError } from '../../functions/http/errors.ts';
import { untilDone } from '../../functions/openai/run.ts';
import { answerStream } from '../../functions/openai/stream.ts';
import { textShape } from '../../functions/openai/text-shape.ts';
import { answerWhole } from '../../functions/openai/whole.ts';
import { type Clocks, gatewayModels, gatewayScore, gatewayTune } from '../../functions/upstream/client.ts';
import { RetryBudget } from '../../wire/retry-budget.ts';
import { scoreRequest, tuneRequest } from '../../wire/tune/requests.ts';

export type CallKind = 'models' | 'score' | 'whole' | 'streamed';

export interface Question {
  readonly call: CallKind;
  readonly url: string;
  readonly secret: string;
  readonly clocks: Clocks;
  /** Milliseconds after which the caller goes away. */
  readonly leaveAfterMs?: number;
  /** Uses up the retries first. */
  readonly noRetry?: boolean;
}

export interface Answer {
  /** As our caller sees it; 200 for a stream that began, whatever it ended in. */
  readonly status: number;
  /** Of the error, as a body or as the last data of a stream. */
  readonly code?: string;
  readonly message?: string;
  readonly retryAfter?: string;
  /** Of an error that came as a status: whether work may have begun. */
  readonly begun?: boolean;
  /** The completion's text, as far as it came. */
  readonly text?: string;
  /** Whether a stream was ended as complete. */
  readonly done?: boolean;
  /** Models, or the score. */
  readonly value?: unknown;
}

const picks = [{ id: 'a', text: 'one' }];
const tune = tuneRequest.parse({ model: 'base', prompt: 'Say', picks, stream: true });
const score = scoreRequest.parse({ model: 'base', text: 'x', picks });
const shape = textShape({ id: 'cmpl-1', created: 0, model: 'base' });
const ONE = { prompts: 1, n: 1 };

/** What an SDK would make of a stream. */
const readStream = async (pieces: AsyncIterable<string>): Promise<Answer> => {
  let all = '';
  for await (const piece of pieces) all += piece;
  const data = all.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
  const done = data.at(-1) === '[DONE]';
  const values = data.filter((line) => line !== '[DONE]').map((line) => JSON.parse(line));
  const error = values.find((value) => 'error' in value)?.error;
  const text = values.map((value) => value.choices?.[0]?.text ?? '').join('');
  return { status: 200, text, done, ...(error === undefined ? {} : { code: error.code, message: error.message }) };
};

const made = async ({ call, url, secret, clocks, noRetry }: Question, caller: AbortSignal): Promise<Answer> => {
  const gateway = { GATEWAY_URL: url, GATEWAY_SECRET: secret };
  const budget = new RetryBudget();
  if (noRetry) while (budget.take());
  const options = { clocks, budget };
  if (call === 'models') return { status: 200, value: await gatewayModels(gateway, caller, options) };
  if (call === 'score') return { status: 200, value: await gatewayScore(gateway, score, caller, options) };
  const told = untilDone(await gatewayTune(gateway, tune, caller, options), 1);
  if (call === 'streamed') {
    return readStream(answerStream(shape, told, { ...ONE, includeUsage: true, includeSift: false }));
  }
  const { answer } = await answerWhole(shape, told, ONE);
  const { choices } = answer as { choices: { text: string }[] };
  return { status: 200, text: choices.map(({ text }) => text).join('') };
};

export const ask = async (question: Question): Promise<Answer> => {
  const caller = new AbortController();
  const timer =
    question.leaveAfterMs === undefined ? undefined : setTimeout(() => caller.abort(), question.leaveAfterMs);
  try {
    return await made(question, caller.signal);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const { status, headers, body } = error.wire;
    const retryAfter = headers['retry-after'];
    return {
      status,
      code: body.error.code,
      message: body.error.message,
      begun: error.begun,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
};
