// Answers of /v1/completions: texts, with log-probabilities in OpenAI's older form.
import type { CompletionChoice, CompletionLogprobs } from '../../wire/api/completions.ts';
import type { TokenLogprob } from '../../wire/tune/responses.ts';
import type { Envelope, Shape } from './shape.ts';

/** A token's text; one that is a part of a character only is named by its bytes, as OpenAI does it. */
const nameOf = ({ token, bytes }: { readonly token: string; readonly bytes: readonly number[] }): string => {
  if (!token.includes('\ufffd')) return token;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
};

/** `offset` is where the first token begins. The token itself is among the likeliest in any case. */
const older = (tokens: readonly TokenLogprob[], offset: number): CompletionLogprobs => {
  const utf8 = new TextDecoder();
  const offsets: number[] = [];
  let at = offset;
  for (const { bytes } of tokens) {
    offsets.push(at);
    at += utf8.decode(Uint8Array.from(bytes), { stream: true }).length;
  }
  return {
    tokens: tokens.map(nameOf),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map((one) =>
      Object.fromEntries([...one.top, one].map((each) => [nameOf(each), each.logprob] as const)),
    ),
    text_offset: offsets,
  };
};

const choice = (
  index: number,
  text: string,
  finish_reason: 'stop' | 'length' | null,
  tokens?: readonly TokenLogprob[],
  offset = 0,
): CompletionChoice => ({ text, index, logprobs: tokens === undefined ? null : older(tokens, offset), finish_reason });

export const textShape = (envelope: Envelope): Shape => {
  const chunk = (choices: readonly object[]) => ({ ...envelope, object: 'text_completion', choices });
  return {
    chunk,
    whole: (samples, usage) => ({
      ...chunk(
        samples.map(({ index, text, finishReason, logprobs, truncated }) => ({
          ...choice(index, text, finishReason, logprobs),
          ...(truncated === undefined ? {} : { truncated }),
        })),
      ),
      ...(usage === undefined ? {} : { usage }),
    }),
    piece: ({ index, text, logprobs, offset }) => choice(index, text, null, logprobs, offset),
    end: (index, finishReason) => choice(index, '', finishReason),
  };
};
