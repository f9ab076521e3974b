// Keys over HTTP: make, list, look at, rotate, revoke. A key's secret is in the answer that makes it, and never again.
import type { Context } from 'hono';
import { type KeyOnWire, keyId, keyPageQuery, keyQuery, keyRequest, rotateRequest } from '../../wire/api/keys.ts';
import { parseAs, readCapped } from '../../wire/body.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { MAX_KEY_BODY_BYTES, MAX_KEYS } from '../../wire/limits.ts';
import type { StoredKey } from '../auth/contract.ts';
import { newId, newKey } from '../auth/form.ts';
import type { Authenticated, Principal } from '../auth/principal.ts';
import { keyStore } from '../auth/store.ts';
import type { Env } from '../env.ts';
import { readJson } from '../http/body.ts';
import { parseParams } from '../http/params.ts';
import { meterOf } from '../limits/meter-of.ts';
import { mayGrant, mayManage } from './grant.ts';

const keyOnWire = (key: StoredKey): KeyOnWire => ({
  object: 'key',
  id: key.id,
  tenant: key.tenant,
  name: key.name,
  scopes: [...key.scopes],
  corpora: key.corpora === 'all' ? 'all' : [...key.corpora],
  created_at: key.createdAt,
  expires_at: key.expiresAt,
  previous_until:
    key.previous === null || key.previous.until <= Date.now() ? null : new Date(key.previous.until).toISOString(),
  rates: key.rates,
  budgets: key.budgets,
});

/** Whose keys are meant: the asking tenant's own, unless an operator names another. */
const tenantOf = (principal: Principal, named: string | undefined): string => {
  if (named === undefined || named === principal.tenant) return principal.tenant;
  if (principal.operator) return named;
  const message = `your key manages the keys of '${principal.tenant}'`;
  throw new FaultError({ kind: 'cannot_grant', param: 'tenant', message });
};

const ringOf = (env: Env, tenant: string) => {
  if (env.KEYS === undefined || env.KEY_RING === undefined) {
    throw new FaultError({ kind: 'not_configured', what: 'the store of keys (KEYS and KEY_RING)' });
  }
  return env.KEY_RING.getByName(tenant);
};

/** The key that a path names, its ring, and its tenant; throws unknown_key, also for keys beyond the asking one. */
const named = async (c: Context<Authenticated>) => {
  const { principal } = c.var;
  const tenant = tenantOf(principal, parseParams(keyQuery, c.req.query()).tenant);
  const ring = ringOf(c.env, tenant);
  const given = c.req.param('id') ?? '';
  const id = keyId.safeParse(given).success ? given : undefined;
  const key = id === undefined ? null : await ring.find(id);
  if (key === null || !mayManage(principal, key)) throw new FaultError({ kind: 'unknown_key', id: given });
  return { key, ring, tenant };
};

export const createKeyRoute = async (c: Context<Authenticated>) => {
  const { principal } = c.var;
  const tenant = tenantOf(principal, parseParams(keyQuery, c.req.query()).tenant);
  const request = await readJson(c.req.raw, keyRequest, MAX_KEY_BODY_BYTES);
  const { expires_at, name, corpora, rates, budgets } = request;
  const scopes = [...new Set(request.scopes)];
  unwrap(mayGrant(principal, { scopes, corpora, expiresAt: expires_at }));
  if (expires_at !== null && Date.parse(expires_at) <= Date.now()) {
    throw new FaultError({ kind: 'bad_field', param: 'expires_at', message: `${expires_at} is over` });
  }
  const ring = ringOf(c.env, tenant);
  const id = newId();
  const { key, digest } = await newKey(id);
  const stored: StoredKey = {
    ...{ id, tenant, name: name ?? null, scopes, corpora, rates, budgets, digest },
    createdAt: new Date().toISOString(),
    expiresAt: expires_at,
    previous: null,
  };
  if (!(await ring.create(stored))) throw new FaultError({ kind: 'keys_full', limit: MAX_KEYS });
  return c.json({ ...keyOnWire(stored), key }, 201, { 'cache-control': 'no-store' });
};

export const keysRoute = async (c: Context<Authenticated>) => {
  const { principal } = c.var;
  const { tenant, limit, cursor = '' } = parseParams(keyPageQuery, c.req.query());
  const page = await ringOf(c.env, tenantOf(principal, tenant)).page(cursor, limit);
  // a page may be shorter than asked for: what the key may not manage is left out
  const data = page.filter((key) => mayManage(principal, key)).map(keyOnWire);
  return c.json({ object: 'list', data, next_cursor: page.length < limit ? null : (page.at(-1)?.id ?? null) });
};

export const keyRoute = async (c: Context<Authenticated>) => {
  const { key, tenant } = await named(c);
  return c.json({ ...keyOnWire(key), used: await meterOf(c.env, tenant).used(key.id) });
};

export const rotateKeyRoute = async (c: Context<Authenticated>) => {
  const body = unwrap(await readCapped(c.req.raw, MAX_KEY_BODY_BYTES));
  const { grace_s } = body.length === 0 ? rotateRequest.parse({}) : unwrap(parseAs(body, rotateRequest));
  const { key: before, ring } = await named(c);
  const { key, digest } = await newKey(before.id);
  const after = await ring.rotate(before.id, digest, grace_s * 1000);
  if (after === null) throw new FaultError({ kind: 'unknown_key', id: before.id });
  keyStore(c.env)?.forget(before.id);
  return c.json({ ...keyOnWire(after), key }, 200, { 'cache-control': 'no-store' });
};

export const revokeKeyRoute = async (c: Context<Authenticated>) => {
  const { key, ring, tenant } = await named(c);
  if (!(await ring.revoke(key.id))) throw new FaultError({ kind: 'unknown_key', id: key.id });
  keyStore(c.env)?.forget(key.id);
  await meterOf(c.env, tenant).forget(key.id);
  return c.json({ object: 'key', id: key.id, revoked: true });
};
