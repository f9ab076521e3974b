// What a flood of made-up keys may cost: a look-up in KV each, unless an isolate remembers the id. An address that asked
// for unknown ids more often than the rate limit allows gets no further look-ups for a while, in this isolate; keys that the isolate
// remembers go on working from there.
import { FaultError } from '../../wire/faults.ts';
import { MAX_REMEMBERED_STRANGERS, STRANGER_REST_S } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import { Remembered } from '../remembered.ts';
import type { KeyStore } from './contract.ts';
import type { RememberingStore } from './store.ts';

const resting = new Remembered<true>(MAX_REMEMBERED_STRANGERS, STRANGER_REST_S * 1000);

/** The store as one address may ask it; throws rate_limited. `later` runs what no answer waits for: whether an id is known
 * must not show in how long a refusal takes. */
export const forAddress = (
  store: RememberingStore | undefined,
  address: string,
  limit: Env['RATE_LIMIT'],
  later: (work: Promise<void>) => void,
): KeyStore | undefined => {
  if (store === undefined) return undefined;
  const note = async (): Promise<void> => {
    const allowed = await limit?.limit({ key: `stranger/${address}` });
    if (allowed !== undefined && !allowed.success) resting.set(address, true);
  };
  return {
    async find(id) {
      if (store.recalls(id)) return store.find(id);
      if (resting.get(address) !== undefined) {
        throw new FaultError({ kind: 'rate_limited', what: 'wrong keys', retryAfterS: STRANGER_REST_S });
      }
      const found = await store.find(id);
      if (found === undefined) later(note());
      return found;
    },
  };
};
