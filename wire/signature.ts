// How edge and gateway know each other: HMAC-SHA256 with a shared secret, over everything that matters.
//   request   sift-signature: t=UNIX SECONDS,n=NONCE,h=SHA-256 OF THE BODY,s=MAC("request" t n METHOD PATH h)
//             The header alone proves who sends, so that a stranger's body is never read; the body is then held to h.
//   answer    sift-signature: MAC("response" nonce status SHA-256 OF THE BODY), checked before the body is parsed.
//   stream    sift-signature: MAC("stream" nonce status), checked before anything is relayed. Every event then carries
//             id: MAC("event" nonce index data), so that no token which is forged, altered, repeated or out of its place
//             is ever relayed. The last event (done or error) carries its index too: a stream without one was cut.
// The parts of a message are joined by newlines. The nonce binds an answer to its request and serves once.
// Trade-off: nonces are remembered in the gateway's memory (gateway/nonces.ts). After a restart, requests of the last
// window could be replayed once; and behind several gateways each remembers only its own.
// An event's MAC costs 4 µs in workerd (WebCrypto, 150 bytes). Node's WebCrypto hands each to another thread, 21 µs and a wait;
// the gateway signs by node:crypto instead (gateway/macs.ts), at once.
// Not signed: x-request-id, traceparent and tracestate. Whoever stands between may change them, so they go into logs and on to
// backends, and nothing is decided by them; tenant and all that is asked for stand in the body.
import { SIGNATURE_WINDOW_S } from './limits.ts';

export const SIGNATURE_HEADER = 'sift-signature';

type Bytes = Uint8Array<ArrayBuffer>;

// the copy narrows the buffer's type to ArrayBuffer, which Node's WebCrypto types ask for
const encode = (text: string): Bytes => new Uint8Array(new TextEncoder().encode(text));

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

const unhex = (text: string): Bytes => {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
};

const joined = (...parts: readonly (string | number)[]): string => parts.join('\n');

/** What is signed of each: the one definition, for whoever computes the MAC. */
export const messages = {
  request: (time: string | number, nonce: string, { method, path }: Target, hash: string): string =>
    joined('request', time, nonce, method, path, hash),
  response: (nonce: string, status: number, hash: string): string => joined('response', nonce, status, hash),
  stream: (nonce: string, status: number): string => joined('stream', nonce, status),
  /** Of an event's data, and of its place counted from 0. */
  event: (nonce: string, index: number, data: string): string => joined('event', nonce, index, data),
};

const sign = async (secret: string, message: string): Promise<string> =>
  hex(await crypto.subtle.sign('HMAC', await keyOf(secret), encode(message)));

const MAC = /^[0-9a-f]{64}$/;

/** Whether a text looks like one of our signatures at all: cheap, before a body is read for it. */
export const hasSignatureShape = (text: string | null | undefined): text is string =>
  typeof text === 'string' && MAC.test(text);

const verify = async (secret: string, mac: string | null | undefined, message: string): Promise<boolean> =>
  // subtle.verify compares in constant time
  hasSignatureShape(mac) && crypto.subtle.verify('HMAC', await keyOf(secret), unhex(mac), encode(message));

const sha256 = async (body: Bytes): Promise<string> => hex(await crypto.subtle.digest('SHA-256', body));

export interface Target {
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
}

/** The header value of a request, and the nonce by which its answer is recognised. `nowMs` is Unix time. */
export const signRequest = async (
  secret: string,
  request: Target & { readonly body: Bytes },
  nowMs: number,
): Promise<{ header: string; nonce: string }> => {
  const time = Math.floor(nowMs / 1000);
  const nonce = hex(crypto.getRandomValues(new Uint8Array(16)).buffer);
  const hash = await sha256(request.body);
  const mac = await sign(secret, messages.request(time, nonce, request, hash));
  return { header: `t=${time},n=${nonce},h=${hash},s=${mac}`, nonce };
};

const SHAPE = /^t=(\d{1,12}),n=([0-9a-f]{32}),h=([0-9a-f]{64}),s=([0-9a-f]{64})$/;

export type Verified =
  | {
      readonly ok: true;
      readonly nonce: string;
      /** Unix seconds at which it was signed. */
      readonly time: number;
      /** SHA-256 that the body must have, in hex. */
      readonly hash: string;
    }
  | { readonly ok: false; readonly why: string };

/** Whether this is the MAC of the message; compared in constant time. */
export type VerifyMac = (mac: string, message: string) => boolean;

/** Whether it looks like an edge's signature of a request, right or wrong. */
export const hasRequestShape = (header: string | undefined): boolean => header !== undefined && SHAPE.test(header);

/** What the header alone proves. Its nonce must then be admitted, and the body held to its hash. */
export const verifyRequest = (
  verifyMac: VerifyMac,
  header: string | undefined,
  target: Target,
  nowMs: number,
): Verified => {
  if (header === undefined || header === '') return { ok: false, why: `no ${SIGNATURE_HEADER} header` };
  const match = SHAPE.exec(header);
  if (match === null) return { ok: false, why: `${SIGNATURE_HEADER} is not t=…,n=…,h=…,s=…` };
  const [, timeText = '', nonce = '', hash = '', mac = ''] = match;
  const time = Number(timeText);
  const off = Math.abs(Math.floor(nowMs / 1000) - time);
  if (off > SIGNATURE_WINDOW_S) {
    return { ok: false, why: `it is ${off} s off this clock, the limit is ${SIGNATURE_WINDOW_S} s` };
  }
  if (!verifyMac(mac, messages.request(timeText, nonce, target, hash))) {
    return { ok: false, why: 'it does not match the request' };
  }
  return { ok: true, nonce, time, hash };
};

/** The header value of an answer that goes out whole. */
export const signResponse = async (secret: string, nonce: string, status: number, body: Bytes): Promise<string> =>
  sign(secret, messages.response(nonce, status, await sha256(body)));

export const verifyResponse = async (
  secret: string,
  header: string | null,
  nonce: string,
  status: number,
  body: Bytes,
): Promise<boolean> => verify(secret, header, messages.response(nonce, status, await sha256(body)));

/** The header value of an answer whose events follow. */
export const signStream = (secret: string, nonce: string, status: number): Promise<string> =>
  sign(secret, messages.stream(nonce, status));

export const verifyStream = (secret: string, header: string | null, nonce: string, status: number): Promise<boolean> =>
  verify(secret, header, messages.stream(nonce, status));

/** The id of a stream's event: of its data, and of its place counted from 0. */
export const signEvent = (secret: string, nonce: string, index: number, data: string): Promise<string> =>
  sign(secret, messages.event(nonce, index, data));

export const verifyEvent = (
  secret: string,
  id: string | undefined,
  nonce: string,
  index: number,
  data: string,
): Promise<boolean> => verify(secret, id, messages.event(nonce, index, data));
