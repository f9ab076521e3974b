// Lets only this gateway's own edge in: every request is signed (wire/signature.ts), every answer is signed back.
// The verified body's bytes are kept on the context, so that a route parses exactly what was signed.
import { createMiddleware } from 'hono/factory';
import { readCapped } from '../wire/body.ts';
import { FaultError, unwrap } from '../wire/faults.ts';
import { MAX_TUNE_BODY_BYTES } from '../wire/limits.ts';
import { NonceMemory, SIGNATURE_HEADER, signResponse, verifyRequest } from '../wire/signature.ts';

export interface Signed {
  Variables: { body: Uint8Array<ArrayBuffer> };
}

export const signedOnly = (secret: string, nowMs: () => number) => {
  const nonces = new NonceMemory();
  return createMiddleware<Signed>(async (c, next) => {
    const body = unwrap(await readCapped(c.req.raw, MAX_TUNE_BODY_BYTES));
    const { pathname, search } = new URL(c.req.url);
    const parts = { method: c.req.method, path: pathname + search, body };
    const verified = await verifyRequest(secret, c.req.header(SIGNATURE_HEADER), parts, nonces, nowMs());
    if (!verified.ok) throw new FaultError({ kind: 'bad_signature', why: verified.why });
    c.set('body', body);
    await next();
    c.header(SIGNATURE_HEADER, await signResponse(secret, verified.nonce, c.res.status));
  });
};
