// Answers of /v1/chat/completions: messages, in one object or as deltas of which the first brings the role.
import type { ChatChoice, ChatDelta, ChatLogprobs } from '../../wire/api/chat.ts';
import type { TokenLogprob } from '../../wire/tune/responses.ts';
import type { Envelope, Shape } from './shape.ts';

const logprobsOf = (tokens: readonly TokenLogprob[] | undefined): ChatLogprobs | null => {
  if (tokens === undefined) return null;
  return {
    content: tokens.map(({ token, logprob, bytes, top }) => ({ token, logprob, bytes, top_logprobs: top })),
    refusal: null,
  };
};

const delta = (index: number, what: ChatDelta['delta'], more: Partial<ChatDelta> = {}): ChatDelta => ({
  index,
  delta: what,
  logprobs: null,
  finish_reason: null,
  ...more,
});

export const chatShape = (envelope: Envelope): Shape => ({
  chunk: (choices) => ({ ...envelope, object: 'chat.completion.chunk', choices }),
  whole: (samples, usage) => ({
    ...envelope,
    object: 'chat.completion',
    choices: samples.map(
      ({ index, text, finishReason, logprobs, truncated }): ChatChoice => ({
        index,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: logprobsOf(logprobs),
        finish_reason: finishReason,
        ...(truncated === undefined ? {} : { truncated }),
      }),
    ),
    ...(usage === undefined ? {} : { usage }),
  }),
  begin: (index) => delta(index, { role: 'assistant', content: '' }),
  piece: ({ index, text, logprobs }) => delta(index, { content: text }, { logprobs: logprobsOf(logprobs) }),
  end: (index, finishReason) => delta(index, {}, { finish_reason: finishReason }),
});
