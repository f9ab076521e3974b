// Lets only this gateway's own edge in (wire/signature.ts). The header alone decides who sends, so that not one byte of a
// stranger's body is read; then the nonce is taken, and the body is read with its cap and held to the hash in the header.
// Every answer from there on is signed, refusals too. What is refused for its signature cannot be: its nonce is nobody's.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { readCapped } from '../wire/body.ts';
import { type Fault, FaultError, fail, faultResponse, type Result } from '../wire/faults.ts';
import { MAX_TUNE_BODY_BYTES, SIGNATURE_WINDOW_S } from '../wire/limits.ts';
import { hasRequestShape, SIGNATURE_HEADER, type Verified, type VerifyMac, verifyRequest } from '../wire/signature.ts';
import { type Macs, macsOf } from './macs.ts';
import { NonceMemory } from './nonces.ts';
import type { Recorded } from './record.ts';

export interface Signed {
  Variables: Recorded['Variables'] & {
    /** Exactly the bytes that were signed. */
    body: Uint8Array<ArrayBuffer>;
    /** The id that an event of this request's stream must carry, by its place and its data. */
    signEvent: (index: number, data: string) => string;
  };
}

export interface SignedOnlyOptions {
  readonly secret: string;
  /** Accepted beside it while secrets are changed. */
  readonly previousSecret?: string;
  /** Told of each request that is signed with the previous one. */
  readonly onPrevious?: () => void;
  /** Told of each request whose signature has the right form and does not hold: an edge with a wrong secret or clock. */
  readonly onWrong?: () => void;
  /** Unix time in milliseconds. */
  readonly nowMs: () => number;
  readonly nonces?: NonceMemory;
}

const badSignature = (why: string): FaultError => new FaultError({ kind: 'bad_signature', why });

/** Signs the answer as it is now: whole, or the beginning of a stream. */
const signAnswer = async (c: Context, macs: Macs, nonce: string): Promise<void> => {
  const { status } = c.res;
  if (c.res.headers.get('content-type')?.startsWith('text/event-stream')) {
    c.header(SIGNATURE_HEADER, macs.stream(nonce, status));
    return;
  }
  const body = new Uint8Array(await c.res.arrayBuffer());
  c.res = new Response(body, c.res);
  c.header('content-length', String(body.byteLength));
  c.header(SIGNATURE_HEADER, macs.response(nonce, status, body));
};

/** The body while it is hashed; a body that breaks off has no sender any more. */
const hashedBody = async (request: Request): Promise<Result<{ body: Uint8Array<ArrayBuffer>; hash: string }>> => {
  const hash = createHash('sha256');
  try {
    const read = await readCapped(request, MAX_TUNE_BODY_BYTES, (chunk) => hash.update(chunk));
    return read.ok ? { ok: true, value: { body: read.value, hash: hash.digest('hex') } } : read;
  } catch (error) {
    if (error instanceof FaultError) throw error;
    return fail({ kind: 'cancelled', stage: 'body' });
  }
};

/** Takes the nonce, or says why not: a fault that may be signed, since the request is genuine. Replays throw. */
const admit = (nonces: NonceMemory, { nonce, time }: Verified & { ok: true }, nowS: number): Fault | undefined => {
  switch (nonces.admit(nonce, time, nowS)) {
    case 'new':
      return undefined;
    case 'used':
      throw badSignature('it was used before');
    case 'stale':
      throw badSignature('it is older than what this server remembers');
    case 'full':
      return {
        kind: 'nonces_full',
        limit: nonces.limit,
        windowS: SIGNATURE_WINDOW_S,
        retryAfterS: nonces.roomInS(nowS),
      };
  }
};

export const signedOnly = (options: SignedOnlyOptions) => {
  const { secret, previousSecret, onPrevious, onWrong, nowMs, nonces = new NonceMemory() } = options;
  const current = macsOf(secret);
  const accepted = previousSecret === undefined ? [current] : [current, macsOf(previousSecret)];
  return createMiddleware<Signed>(async (c, next) => {
    const { pathname, search } = new URL(c.req.url);
    const target = { method: c.req.method, path: pathname + search };
    const now = nowMs();
    // the answer is signed with the secret of its request: the only one that its sender surely has
    let macs = current;
    const verify: VerifyMac = (mac, message) =>
      accepted.some((candidate) => {
        const right = candidate.verify(mac, message);
        if (right) macs = candidate;
        return right;
      });
    const header = c.req.header(SIGNATURE_HEADER);
    const verified = verifyRequest(verify, header, target, now);
    if (!verified.ok) {
      // whoever tries the doors of the internet sends none, and is to wake nobody
      if (hasRequestShape(header)) onWrong?.();
      throw badSignature(verified.why);
    }
    if (macs !== current) onPrevious?.();
    const { nonce } = verified;
    const refuse = async (fault: Fault): Promise<void> => {
      c.var.record.failed(new FaultError(fault));
      c.res = faultResponse(fault);
      await signAnswer(c, macs, nonce);
    };
    const full = admit(nonces, verified, Math.floor(now / 1000));
    if (full !== undefined) return refuse(full);
    const read = await hashedBody(c.req.raw);
    if (!read.ok) return refuse(read.fault);
    if (read.value.hash !== verified.hash) throw badSignature('its body is not the one that was signed');
    c.set('body', read.value.body);
    c.set('signEvent', (index, data) => macs.event(nonce, index, data));
    await next();
    await signAnswer(c, macs, nonce);
  });
};
