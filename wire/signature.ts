// How edge and gateway know each other: an HMAC-SHA256 over time, nonce, method, path and body hash, in one header.
// The gateway refuses a stale time, a wrong hash and a nonce it has seen, so a recorded request is worth nothing.
// Its answer carries an HMAC over the same nonce and the status, so the edge knows that its own gateway answered.
// Trade-off: the nonces live in the gateway's memory. After a restart, requests of the last window could be replayed
// once; and behind several gateways each remembers only its own.
import { MAX_NONCES, SIGNATURE_WINDOW_S } from './limits.ts';

export const SIGNATURE_HEADER = 'sift-signature';

// the copy narrows the buffer's type to ArrayBuffer, which Node's WebCrypto types ask for
const encode = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(text));

const keys = new Map<string, Promise<CryptoKey>>();

const keyOf = (secret: string): Promise<CryptoKey> => {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  const key = crypto.subtle.importKey('raw', encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ]);
  keys.set(secret, key);
  return key;
};

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

const unhex = (text: string): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
};

export interface SignedParts {
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

const requestMessage = async (parts: SignedParts, time: number, nonce: string): Promise<Uint8Array<ArrayBuffer>> => {
  const hash = hex(await crypto.subtle.digest('SHA-256', parts.body));
  return encode(`request\n${time}\n${nonce}\n${parts.method}\n${parts.path}\n${hash}`);
};

const responseMessage = (nonce: string, status: number): Uint8Array<ArrayBuffer> =>
  encode(`response\n${nonce}\n${status}`);

/** The header value of a request, and the nonce by which its answer is recognised. `nowMs` is Unix time. */
export const signRequest = async (
  secret: string,
  parts: SignedParts,
  nowMs: number,
): Promise<{ header: string; nonce: string }> => {
  const time = Math.floor(nowMs / 1000);
  const nonce = hex(crypto.getRandomValues(new Uint8Array(16)).buffer);
  const mac = await crypto.subtle.sign('HMAC', await keyOf(secret), await requestMessage(parts, time, nonce));
  return { header: `t=${time},n=${nonce},s=${hex(mac)}`, nonce };
};

const SHAPE = /^t=(\d{1,12}),n=([0-9a-f]{32}),s=([0-9a-f]{64})$/;

export type Verified = { ok: true; nonce: string } | { ok: false; why: string };

/** Remembers nonces until they are too old to pass the time check anyway. */
export class NonceMemory {
  readonly #seen = new Map<string, number>();

  /** True if the nonce is new; it is then remembered until `untilS`. Full memory refuses rather than forgets. */
  admit(nonce: string, nowS: number, untilS: number): boolean {
    for (const [old, until] of this.#seen) {
      if (until >= nowS) break; // insertion order is nearly expiry order, so the sweep ends early
      this.#seen.delete(old);
    }
    if (this.#seen.has(nonce) || this.#seen.size >= MAX_NONCES) return false;
    this.#seen.set(nonce, untilS);
    return true;
  }

  get size(): number {
    return this.#seen.size;
  }
}

export const verifyRequest = async (
  secret: string,
  header: string | undefined,
  parts: SignedParts,
  nonces: NonceMemory,
  nowMs: number,
): Promise<Verified> => {
  if (header === undefined || header === '') return { ok: false, why: `no ${SIGNATURE_HEADER} header` };
  const match = SHAPE.exec(header);
  if (match === null) return { ok: false, why: `${SIGNATURE_HEADER} is not t=…,n=…,s=…` };
  const [, timeText = '', nonce = '', mac = ''] = match;
  const time = Number(timeText);
  const nowS = Math.floor(nowMs / 1000);
  if (Math.abs(nowS - time) > SIGNATURE_WINDOW_S) {
    return { ok: false, why: `it is ${Math.abs(nowS - time)} s off this clock, the limit is ${SIGNATURE_WINDOW_S} s` };
  }
  // subtle.verify compares in constant time
  const genuine = await crypto.subtle.verify(
    'HMAC',
    await keyOf(secret),
    unhex(mac),
    await requestMessage(parts, time, nonce),
  );
  if (!genuine) return { ok: false, why: 'it does not match the request' };
  // only genuine nonces are remembered, so that strangers cannot fill the memory
  if (!nonces.admit(nonce, nowS, time + SIGNATURE_WINDOW_S)) return { ok: false, why: 'it was used before' };
  return { ok: true, nonce };
};

export const signResponse = async (secret: string, nonce: string, status: number): Promise<string> =>
  hex(await crypto.subtle.sign('HMAC', await keyOf(secret), responseMessage(nonce, status)));

export const verifyResponse = async (
  secret: string,
  header: string | null,
  nonce: string,
  status: number,
): Promise<boolean> =>
  header !== null &&
  /^[0-9a-f]{64}$/.test(header) &&
  crypto.subtle.verify('HMAC', await keyOf(secret), unhex(header), responseMessage(nonce, status));
