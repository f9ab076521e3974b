// Where selections are kept: the cache of this location, at once, and Workers KV, for all others. The tenant is part of both
// keys, so that another tenant's id is looked for and not found, like one that never was.
// Trade-off: KV shows a write elsewhere up to a minute later, and remembers as long that it did not find one; an answer may
// outrun its own writing, which is why this isolate remembers what it is writing.
import { FaultError } from '../../wire/faults.ts';
import { DEFAULT_SELECTION_TTL_S, MAX_SELECTION_TTL_S, MIN_SELECTION_TTL_S } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import { tellProblem } from '../observe/tell.ts';
import type { Kept } from './record.ts';

/** The little of a Worker's world that is needed beside its bindings. */
export interface Place {
  readonly env: Pick<Env, 'SELECTIONS' | 'SELECTION_TTL_S'>;
  /** Of the request: keys of the cache are addresses, and these must be of our own zone. */
  readonly origin: string;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** Seconds for which selections are kept; 0: not at all. */
export const selectionTtl = ({ SELECTIONS, SELECTION_TTL_S }: Place['env']): number => {
  const seconds = SELECTION_TTL_S === undefined ? DEFAULT_SELECTION_TTL_S : Number(SELECTION_TTL_S);
  const inRange = Number.isInteger(seconds) && seconds >= MIN_SELECTION_TTL_S && seconds <= MAX_SELECTION_TTL_S;
  if (seconds !== 0 && !inRange) {
    const what = `SELECTION_TTL_S (0, or ${MIN_SELECTION_TTL_S} to ${MAX_SELECTION_TTL_S} seconds)`;
    throw new FaultError({ kind: 'not_configured', what });
  }
  return SELECTIONS === undefined ? 0 : seconds;
};

const keyOf = (tenant: string, id: string): string => `selection/${tenant}/${id}`;
/** One segment more than the route has: no request reaches it. */
const addressOf = (origin: string, tenant: string, id: string): string => `${origin}/v1/selections/${tenant}/${id}`;

const writing = new Map<string, Kept>();

const secondsLeft = ({ expiresAt }: Kept): number => Math.floor((expiresAt - Date.now()) / 1000);

const noting = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    // the answer is out: a selection that could not be kept is one that cannot be fetched
    tellProblem('keeping a selection', error);
  }
};

const cachePut = (origin: string, tenant: string, id: string, kept: Kept): Promise<void> => {
  const headers = { 'content-type': 'application/json', 'cache-control': `public, max-age=${secondsLeft(kept)}` };
  return caches.default.put(addressOf(origin, tenant, id), new Response(JSON.stringify(kept), { headers }));
};

/** Begins to keep it; nothing waits for that. */
export const keep = ({ env, origin, waitUntil }: Place, tenant: string, id: string, kept: Kept): void => {
  const key = keyOf(tenant, id);
  const expirationTtl = Math.max(MIN_SELECTION_TTL_S, secondsLeft(kept));
  const works = [
    cachePut(origin, tenant, id, kept),
    env.SELECTIONS?.put(key, JSON.stringify(kept), { expirationTtl }) ?? Promise.resolve(),
  ].map(noting);
  writing.set(key, kept);
  waitUntil(Promise.all(works).finally(() => writing.delete(key)));
};

/** What is kept under an id of this tenant; undefined for all others alike. */
export const find = async (
  { env, origin, waitUntil }: Place,
  tenant: string,
  id: string,
): Promise<Kept | undefined> => {
  const key = keyOf(tenant, id);
  const cached = await caches.default.match(addressOf(origin, tenant, id));
  const kept =
    writing.get(key) ??
    (cached === undefined ? await env.SELECTIONS?.get<Kept>(key, 'json') : await cached.json<Kept>());
  if (kept === undefined || kept === null || secondsLeft(kept) <= 0) return undefined;
  if (cached === undefined) waitUntil(noting(cachePut(origin, tenant, id, kept)));
  return kept;
};
