// What is told of a token: its log-probability and the likeliest tokens in its place, of the model's own distribution, before
// penalties, temperature, top_k and top_p. As vLLM has it by default, and the only one that every engine can tell.
import type { Tokenizer } from '../../../tokenizer/index.ts';
import type { TokenLogprob } from '../../../wire/tune/responses.ts';

/** OpenAI's stand-in for what is no number in JSON. */
const LEAST = -9_999;
const utf8 = new TextDecoder();

/** Logits are float32: further digits would be noise, and a third of the answer. */
const DIGITS = 6;

const onWire = (logprob: number): number =>
  Number.isFinite(logprob) ? Math.max(LEAST, Number(logprob.toFixed(DIGITS))) : LEAST;

const alone = (tokenizer: Tokenizer, id: number, logprob: number): Omit<TokenLogprob, 'top'> => {
  const bytes = tokenizer.bytesOf(id, false);
  // a part of a character is U+FFFD here, and itself in the bytes
  return { token: utf8.decode(bytes), bytes: Array.from(bytes), logprob: onWire(logprob) };
};

/** Of a token whose log-probability an engine tells by itself. */
export const toldAlone = (tokenizer: Tokenizer, id: number, logprob: number): TokenLogprob => ({
  ...alone(tokenizer, id, logprob),
  top: [],
});

/** The ids with the `most` highest logits, from the highest down, of equal ones the lower id first. */
const highest = (logits: Float32Array, most: number): number[] => {
  const ids: number[] = [];
  const logit = (id: number): number => logits[id] as number;
  for (let id = 0; id < logits.length; id++) {
    const last = ids.length - 1;
    if (ids.length === most && !(logit(id) > logit(ids[last] as number))) continue;
    let place = ids.length < most ? ids.push(id) - 1 : last;
    for (; place > 0 && logit(ids[place - 1] as number) < logit(id); place--) ids[place] = ids[place - 1] as number;
    ids[place] = id;
  }
  return ids;
};

export const toldOf = (tokenizer: Tokenizer, logits: Float32Array, id: number, most: number): TokenLogprob => {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if ((logits[i] as number) > top) top = logits[i] as number;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] as number) - top);
  const total = top + Math.log(sum);
  const logprobOf = (one: number): number => (logits[one] as number) - total;
  return {
    ...alone(tokenizer, id, logprobOf(id)),
    top: (most === 0 ? [] : highest(logits, most)).map((one) => alone(tokenizer, one, logprobOf(one))),
  };
};
