// Generation: the weights are saved for a sampler, which is asked for one sample. Where the server streams, its tokens come
// as they are made; otherwise all at once. Closing the stream, or cancelling the promise, ends the server's work.
import { z } from 'zod';
import { FaultError } from '../../../wire/faults.ts';
import { MAX_BACKEND_LINE_BYTES } from '../../../wire/limits.ts';
import { messageOf } from '../../../wire/message.ts';
import type { Sampling } from '../contract.ts';
import { promised } from './future.ts';
import type { Life, Trained } from './life.ts';
import { linesOf } from './lines.ts';
import { type Sample, sampleOfJson, sampleOfProto } from './messages.ts';
import type { Tokens } from './pieces.ts';
import { json } from './server.ts';

const LEAST_TOP_P = 1e-6;

const samplerResult = z.object({ sampling_session_id: z.string().min(1) });
const streamLine = z.union([
  z.object({ tokens: z.array(z.int().min(0)), logprobs: z.array(z.number().nullable()).optional() }),
  z.object({ stop_reason: z.enum(['stop', 'length']) }),
  z.object({ error: z.string(), category: z.string().default('unknown') }),
]);

/** A sampler of the weights as they are; one is kept until they change, since each takes room on the server. */
const samplerOf = async (life: Life, to: Trained, signal: AbortSignal): Promise<string> => {
  if (to.sampler !== undefined) return to.sampler;
  // samples that are asked for at once share it
  to.saving ??= saveSampler(life, to, signal).finally(() => {
    to.saving = undefined;
  });
  return to.saving;
};

const saveSampler = async (life: Life, to: Trained, signal: AbortSignal): Promise<string> => {
  const sampling_session_seq_id = to.samplers++;
  const body = (seq_id: number) =>
    json({
      model_id: to.id,
      seq_id,
      sampling_session_seq_id,
      kind: 'snapshot',
      type: 'save_weights_for_sampler',
    });
  let requestId: string;
  try {
    requestId = await life.operate(to, 'save_weights_for_sampler', body, signal);
  } catch (error) {
    // whether it arrived is not known, and so not the next number either
    to.torn ??= new FaultError({ kind: 'backend', message: 'earlier work of this session was cut short' }, error);
    throw error;
  }
  const { sampling_session_id } = await life.jsonResult(requestId, samplerResult, signal);
  to.sampler = sampling_session_id;
  return sampling_session_id;
};

/** `index` counts the samples of a session. */
export async function* tokensOf(
  life: Life,
  prompt: readonly number[],
  index: number,
  { maxTokens, temperature, topK, topP, seed }: Omit<Sampling, 'stop'>,
  caller: AbortSignal,
): Tokens {
  const { server, trail } = life;
  const signal = AbortSignal.any([caller, life.ended]);
  const body = {
    sampling_session_id: await samplerOf(life, await life.current(), signal),
    seq_id: index,
    num_samples: 1,
    prompt: { chunks: [{ type: 'encoded_text', tokens: prompt }] },
    sampling_params: {
      max_tokens: maxTokens,
      temperature,
      top_k: topK === 0 ? -1 : topK,
      // none takes 0, which leaves the likeliest token alone
      top_p: Math.max(topP, LEAST_TOP_P),
      seed,
    },
    type: 'sample',
  };
  const { request_id } = await server.post('asample', json(body), promised, { signal, trail });
  let over = false;
  try {
    if (server.capabilities?.streams !== true) {
      const answer = await life.result(request_id, signal);
      over = true;
      let sample: Sample;
      try {
        sample = answer.type === 'protobuf' ? sampleOfProto(answer.bytes) : sampleOfJson(answer.value);
      } catch (error) {
        throw server.error({ kind: 'nonsense', what: `a sample: ${messageOf(error)}` }, error);
      }
      yield sample;
      return sample.stopReason;
    }
    const answer = await server.stream(`sift/stream/${encodeURIComponent(request_id)}`, { signal, trail });
    for await (const line of linesOf(answer.chunks(), MAX_BACKEND_LINE_BYTES, server)) {
      const said = server.parse(line, streamLine, 'a line of a stream');
      if ('tokens' in said) {
        yield { tokens: said.tokens, logprobs: said.logprobs?.map((logprob) => logprob ?? Number.NaN) };
        continue;
      }
      over = true;
      if ('stop_reason' in said) return said.stop_reason;
      throw server.error({ kind: 'failed', words: said.error, category: said.category });
    }
    throw server.error({ kind: 'broken', why: 'a stream without an end' });
  } finally {
    if (!over) life.cancel([request_id]);
  }
}
