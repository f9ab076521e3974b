// Keys of the API: what they may do, how they are made, and what is told of them. A key's secret is in two answers alone,
// when it is made and when it is rotated.
import * as z from 'zod';
import { MAX_BUDGET, MAX_KEY_CORPORA, MAX_KEY_GRACE_S, MAX_KEY_NAME } from '../limits.ts';
import { wellFormed } from '../text.ts';
import { corpusName, pageQuery } from './corpora.ts';
import { scope } from './scope.ts';

export const keyId = z.string().regex(/^[a-z0-9]{16}$/, 'must be the 16 characters between the underscores of a key');

export const tenantName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "must be 1 to 32 of a-z, 0-9 and '-', beginning with a letter or digit");

const amount = z.int().min(1).max(MAX_BUDGET);

/** Of a minute, refilled as it passes. */
export const rates = z.strictObject({
  requests_per_minute: amount.optional(),
  /** Gradient steps. */
  steps_per_minute: amount.optional(),
});
export type Rates = z.output<typeof rates>;

const amounts = z.strictObject({
  requests: amount.optional(),
  /** Gradient steps. */
  steps: amount.optional(),
  /** Of prompts, completions and steps. */
  tokens: amount.optional(),
});
export type Amounts = z.output<typeof amounts>;

/** By calendar day and month of UTC, and for the key's whole life. */
export const budgets = z.strictObject({
  day: amounts.optional(),
  month: amounts.optional(),
  total: amounts.optional(),
});
export type Budgets = z.output<typeof budgets>;

/** What a key may do. */
const grant = z.object({
  scopes: z.array(scope).min(1, 'is empty').max(scope.options.length),
  corpora: z.union([z.literal('all'), z.array(corpusName).min(1, 'is empty').max(MAX_KEY_CORPORA)], {
    error: (issue) => (Array.isArray(issue.input) ? undefined : 'must be "all" or a list of names'),
  }),
  expires_at: z.iso.datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' }).nullable(),
  rates,
  budgets,
});

/** POST /v1/keys */
export const keyRequest = z.strictObject({
  name: wellFormed.max(MAX_KEY_NAME).nullable().optional(),
  scopes: grant.shape.scopes,
  corpora: grant.shape.corpora.default('all'),
  expires_at: grant.shape.expires_at.default(null),
  rates: rates.prefault({}),
  budgets: budgets.prefault({}),
});

/** POST /v1/keys/ID/rotate; the body may be left out. */
export const rotateRequest = z.strictObject({
  /** Seconds for which the old secret goes on working. */
  grace_s: z.int().min(0).max(MAX_KEY_GRACE_S).default(0),
});

/** Of every route for keys: another tenant than the asking key's own, for operators. */
export const keyQuery = z.strictObject({ tenant: tenantName.optional() });
export const keyPageQuery = pageQuery.extend(keyQuery.shape);

export const keyOnWire = grant.extend({
  object: z.literal('key'),
  id: z.string(),
  tenant: z.string(),
  name: z.string().nullable(),
  /** ISO 8601. */
  created_at: z.string(),
  /** Until when the secret before the last rotation works; null where it does not. */
  previous_until: z.string().nullable(),
});
export type KeyOnWire = z.output<typeof keyOnWire>;

const used = z.object({ requests: z.int(), steps: z.int(), tokens: z.int() });

/** GET /v1/keys/ID: what was used of its budgets, where it has any. */
export const keyResponse = keyOnWire.extend({ used: z.object({ day: used, month: used, total: used }) });

/** POST /v1/keys and …/rotate: the only answers with the key itself. */
export const keyMade = keyOnWire.extend({ key: z.string() });

/** GET /v1/keys */
export const keyPage = z.object({
  object: z.literal('list'),
  data: z.array(keyOnWire),
  next_cursor: z.string().nullable(),
});

/** DELETE /v1/keys/ID */
export const keyRevoked = z.object({ object: z.literal('key'), id: z.string(), revoked: z.literal(true) });
