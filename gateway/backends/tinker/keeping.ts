// Adapters that a server keeps beyond their session, by our extension: under a random id, in the server's own memory and
// bounds, found by the same key and tenant alone. What is gone there costs its steps again, nothing else.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BACKEND_FREE_MS } from '../../../wire/limits.ts';
import type { Keeping, KeptWeights } from '../contract.ts';
import type { Life } from './life.ts';
import { ServerError } from './problems.ts';
import { json, type TinkerServer } from './server.ts';

interface Place {
  readonly server: TinkerServer;
  readonly id: string;
}

const places = new WeakMap<KeptWeights, Place>();

/** The server that keeps these; undefined where none of this backend's does. */
export const serverOf = (kept: KeptWeights | undefined): TinkerServer | undefined =>
  kept === undefined ? undefined : places.get(kept)?.server;

const keptResult = z.object({ adapter: z.string(), bytes: z.int() });

export const keepingOf = (life: Life): Keeping => ({
  async keep(_, signal) {
    const model = await life.current();
    const id = randomBytes(16).toString('hex');
    try {
      const body = (seq_id: number) => json({ model_id: model.id, seq_id, id });
      await life.jsonResult(await life.operate(model, 'sift/keep', body, signal), keptResult, signal);
    } catch (error) {
      // it has no room for one of this size
      if (error instanceof ServerError && error.problem.kind === 'failed') return undefined;
      throw error;
    }
    // all of it is the server's memory
    const kept: KeptWeights = { bytes: 0 };
    places.set(kept, { server: life.server, id });
    return kept;
  },
  async resume(kept, signal) {
    const place = places.get(kept);
    return place !== undefined && place.server === life.server && (await life.resume(place.id, signal));
  },
});

/** Best effort: a server that hears nothing of it forgets by itself when the adapter's time is over. */
export const releaseKept = (kept: KeptWeights): void => {
  const place = places.get(kept);
  if (place === undefined) return;
  const signal = AbortSignal.timeout(BACKEND_FREE_MS);
  const options = { signal, firstByteMs: BACKEND_FREE_MS };
  place.server.post('sift/forget', json({ ids: [place.id] }), z.unknown(), options).catch(() => {});
};
