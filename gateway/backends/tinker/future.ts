// A promise of a server's, asked for until it is kept: a long poll (retrieve_future) that the server answers with 408 while
// there is nothing. It is then asked again at once, but for one that had answered at once, which is asked ever more slowly.
// Polls that fail may be tried again a few times, within the server's retry budget: asking changes nothing.
import { z } from 'zod';
import {
  BACKEND_AGAIN_MAX_MS,
  BACKEND_AGAIN_MIN_MS,
  BACKEND_POLL_FAILURES,
  BACKEND_POLL_MS,
} from '../../../wire/limits.ts';
import { retryDelayMs } from '../../../wire/retry-budget.ts';
import { pause } from '../pause.ts';
import { isTransient } from './problems.ts';
import type { Body, CallOptions, TinkerServer } from './server.ts';

export const promised = z.object({ request_id: z.string().min(1) });

/** The kinds of answer that a promise may be kept by. */
const settled = z.looseObject({
  error: z.string().optional(),
  category: z.string().optional(),
  type: z.string().optional(),
});

export const awaitFuture = async (
  server: TinkerServer,
  requestId: string,
  { signal, trail = {} }: Pick<CallOptions, 'signal' | 'trail'>,
  pollMs = BACKEND_POLL_MS,
): Promise<Body> => {
  const body: Body = { type: 'json', value: { request_id: requestId, allow_metadata_only: false } };
  let failures = 0;
  let againMs = BACKEND_AGAIN_MIN_MS;
  for (;;) {
    const asked = server.now();
    try {
      const { answer, bytes } = await server.ask('retrieve_future', body, { signal, trail, firstByteMs: pollMs });
      if (answer.status === 200) {
        if (answer.header('content-type')?.includes('protobuf')) return { type: 'protobuf', bytes };
        const value = server.parse(bytes, settled, 'retrieve_future');
        if (value.error !== undefined) {
          throw server.error({ kind: 'failed', words: value.error, category: value.category ?? 'unknown' });
        }
        if (value.type !== 'try_again') return { type: 'json', value };
      } else if (answer.status !== 408) throw server.refusal(answer, bytes);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (!isTransient(error) || failures > BACKEND_POLL_FAILURES || !server.budget.take()) throw error;
      await pause(2 ** (failures - 1) * retryDelayMs(Math.random()), signal);
      continue;
    }
    // a server that lets a poll wait is asked again at once
    const waited = server.now() - asked >= BACKEND_AGAIN_MAX_MS;
    againMs = waited ? BACKEND_AGAIN_MIN_MS : Math.min(BACKEND_AGAIN_MAX_MS, 2 * againMs);
    if (!waited) await pause(againMs, signal);
  }
};
