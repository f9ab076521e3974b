// What a flood of made-up keys may cost: a look-up in KV each, unless an isolate remembers the id. An address whose keys were
// wrong more often than the rate limit allows gets no further look-ups for a while, in this isolate; keys that the isolate
// remembers go on working from there.
import { FaultError } from '../../wire/faults.ts';
import { MAX_REMEMBERED_STRANGERS, STRANGER_REST_S } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import { Remembered } from '../remembered.ts';
import type { StoredKey } from './contract.ts';
import type { RememberingStore } from './store.ts';

const resting = new Remembered<true>(MAX_REMEMBERED_STRANGERS, STRANGER_REST_S * 1000);

/** The store as one address may ask it; throws rate_limited. */
export const forAddress = (store: RememberingStore | undefined, address: string) =>
  store === undefined
    ? undefined
    : {
        find: async (id: string): Promise<StoredKey | undefined> => {
          if (!store.recalls(id) && resting.get(address) !== undefined) {
            throw new FaultError({ kind: 'rate_limited', what: 'wrong keys', retryAfterS: STRANGER_REST_S });
          }
          return store.find(id);
        },
      };

/** Notes that a key of this address was wrong. */
export const noteStranger = async (limit: Env['RATE_LIMIT'], address: string): Promise<void> => {
  const allowed = await limit?.limit({ key: `stranger/${address}` });
  if (allowed !== undefined && !allowed.success) resting.set(address, true);
};
