// GET /v1/selections/ID: the bytes that POST /v1/select answered. They never change; they may go.
// An id of another tenant, one that never was, and one from a corpus that this key may not touch get the same answer.
import type { Context } from 'hono';
import { FaultError } from '../../wire/faults.ts';
import { SELECTION_FRESH_S } from '../../wire/limits.ts';
import type { Authenticated, Principal } from '../auth/principal.ts';
import { isNamed } from '../http/etag.ts';
import { isSelectionId, type Kept } from './record.ts';
import { whyGone } from './standing.ts';
import { find, keep, type Place } from './store.ts';

export const placeOf = (c: Pick<Context<Authenticated>, 'env' | 'req' | 'executionCtx'>): Place => ({
  env: c.env,
  origin: new URL(c.req.url).origin,
  waitUntil: (work) => c.executionCtx.waitUntil(work),
});

const mayTouch = ({ corpora }: Principal, { sources }: Kept): boolean =>
  corpora === 'all' || sources.every(({ corpus }) => corpora.includes(corpus));

export const selectionRoute = async (c: Context<Authenticated>) => {
  const { principal } = c.var;
  const { tenant } = principal;
  const id = c.req.param('id') ?? '';
  const place = placeOf(c);
  const kept = isSelectionId(id) ? await find(place, tenant, id) : undefined;
  if (kept === undefined || !mayTouch(principal, kept)) throw new FaultError({ kind: 'unknown_selection', id });
  const why = await whyGone(c.env, principal, id, kept);
  if (why !== undefined) {
    // gone once is gone for good, and its texts are not kept any longer
    if (kept.gone === undefined) keep(place, tenant, id, { ...kept, body: '', gone: why });
    throw new FaultError({ kind: 'gone', id, why });
  }
  const left = Math.floor((kept.expiresAt - Date.now()) / 1000);
  c.header('etag', kept.etag);
  c.header('cache-control', `private, max-age=${Math.min(SELECTION_FRESH_S, left)}, immutable`);
  c.header('vary', 'authorization');
  if (isNamed(c.req.header('if-none-match'), kept.etag)) return c.body(null, 304);
  return c.body(kept.body, 200, { 'content-type': 'application/json' });
};
