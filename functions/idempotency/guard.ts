// Idempotency-Key: the first request under a key does the work, and every further one with the same parameters gets its
// answer, status and body, for a day. Another request under the key is refused (422), one at the same time told to wait
// (409). Kept is what a repeat could not better: an answer that says that nothing was done for now (429, 5xx), or that broke
// off, is not, and frees the key. An answer too large to be kept is not given a second time either, since its work would be
// done twice: 409 says so. A key belongs to the API key that sent it; no other finds it.
import { createMiddleware } from 'hono/factory';
import { readCapped } from '../../wire/body.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { IDEMPOTENCY_RETRY_S, MAX_IDEMPOTENCY_KEY, MAX_IDEMPOTENT_BYTES } from '../../wire/limits.ts';
import type { Authenticated } from '../auth/principal.ts';
import { digestOf } from '../digest.ts';
import type { Env } from '../env.ts';
import { tellProblem } from '../observe/tell.ts';
import type { Began, KeptAnswer } from './contract.ts';
import { recorded } from './recorded.ts';

const HEADER = 'idempotency-key';
/** What is replayed beside status and body. */
const KEPT_HEADERS = ['content-type', 'cache-control', 'etag', 'x-should-retry', 'server-timing'];

/** The key as it was sent, with or without the quotes that the draft of the IETF asks for; throws bad_field. */
export const idempotencyKey = (header: string): string => {
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (/^[\x21-\x7e]+$/.test(key) && key.length <= MAX_IDEMPOTENCY_KEY) return key;
  const message = `must be 1 to ${MAX_IDEMPOTENCY_KEY} visible ASCII characters`;
  throw new FaultError({ kind: 'bad_field', param: 'Idempotency-Key', message });
};

/** Nothing was done that a repeat would do twice. */
const isPassing = (status: number): boolean => status === 429 || status >= 499;

/** A stream that ended in an error has the status 200 all the same. */
const endedWell = (contentType: string, body: Uint8Array): boolean =>
  !contentType.startsWith('text/event-stream') ||
  new TextDecoder().decode(body.subarray(-32)).trimEnd().endsWith('data: [DONE]');

const replayed = ({ status, headers, body }: KeptAnswer): Response => {
  const response = new Response(body, { status });
  for (const [name = '', value = ''] of headers) response.headers.set(name, value);
  response.headers.set('idempotent-replayed', 'true');
  return response;
};

/** The answer of an earlier request, or the token of this one; throws what refuses it. */
const settle = (began: Began): Response | string => {
  switch (began.state) {
    case 'mine':
      return began.token;
    case 'kept':
      return replayed(began.answer);
    case 'other':
      throw new FaultError({ kind: 'idempotency_mismatch' });
    case 'busy':
      throw new FaultError({ kind: 'idempotency_busy', retryAfterS: IDEMPOTENCY_RETRY_S });
    case 'unkept':
      throw new FaultError({ kind: 'idempotency_unkept', limit: MAX_IDEMPOTENT_BYTES });
  }
};

const objectOf = async (env: Env, parts: readonly string[]) => {
  if (env.IDEMPOTENCY === undefined) throw new FaultError({ kind: 'not_configured', what: 'Idempotency-Key' });
  return env.IDEMPOTENCY.getByName(await digestOf(JSON.stringify(parts)));
};

/** For a route whose JSON body has at most so many bytes. */
export const idempotent = (limit: number) =>
  createMiddleware<Authenticated>(async (c, next) => {
    const header = c.req.header(HEADER);
    if (header === undefined) return next();
    const { tenant, key } = c.var.principal;
    const record = await objectOf(c.env, [tenant, key, idempotencyKey(header)]);
    const body = unwrap(await readCapped(c.req.raw, limit));
    const { pathname, search } = new URL(c.req.url);
    const target = `${c.req.method} ${pathname}${search} ${await digestOf(body)}`;
    const settled = settle(await record.begin(await digestOf(target)));
    if (typeof settled !== 'string') return settled;
    const token = settled;
    c.req.raw = new Request(c.req.raw, { body });
    const later = (work: Promise<unknown>): void =>
      c.executionCtx.waitUntil(work.catch((error: unknown) => tellProblem('idempotency', error)));
    try {
      await next();
    } catch (error) {
      later(record.release(token));
      throw error;
    }
    const { res } = c;
    const { status } = res;
    if (isPassing(status) || res.body === null) return later(record.release(token));
    const headers = KEPT_HEADERS.flatMap((name): [string, string][] => {
      const value = res.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    const onEnd = async (bytes: Uint8Array | null): Promise<void> => {
      // what is not known whole cannot be looked at: it counts as done
      const well = bytes === null || endedWell(res.headers.get('content-type') ?? '', bytes);
      const kept = bytes === null ? null : { status, headers, body: bytes };
      const told = well ? record.keep(token, kept) : record.release(token);
      // an answer is not held back because it cannot be kept
      await told.catch((error: unknown) => tellProblem('idempotency', error));
    };
    const onBreak = (): void => later(record.release(token));
    c.res = new Response(recorded(res.body, MAX_IDEMPOTENT_BYTES, { onEnd, onBreak }), res);
  });

/** For a route whose answer must not be kept: it holds a secret. */
export const notIdempotent = createMiddleware<Authenticated>(async (c, next) => {
  if (c.req.header(HEADER) === undefined) return next();
  const message = 'is not taken here: the answer holds a secret, which is not kept';
  throw new FaultError({ kind: 'bad_field', param: 'Idempotency-Key', message });
});
