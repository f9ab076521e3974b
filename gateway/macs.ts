// The signatures of wire/signature.ts as this process computes them: by node:crypto, at once. WebCrypto would hand each MAC to
// another thread, and a stream has one for every token.
import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { messages, type VerifyMac } from '../wire/signature.ts';

export interface Macs {
  readonly verify: VerifyMac;
  response(nonce: string, status: number, body: Uint8Array): string;
  stream(nonce: string, status: number): string;
  event(nonce: string, index: number, data: string): string;
}

export const macsOf = (secret: string): Macs => {
  const key = createSecretKey(secret, 'utf8');
  const mac = (message: string): Buffer => createHmac('sha256', key).update(message, 'utf8').digest();
  const sign = (message: string): string => mac(message).toString('hex');
  return {
    verify: (hex, message) => {
      const told = Buffer.from(hex, 'hex');
      const own = mac(message);
      return told.byteLength === own.byteLength && timingSafeEqual(told, own);
    },
    response: (nonce, status, body) =>
      sign(messages.response(nonce, status, createHash('sha256').update(body).digest('hex'))),
    stream: (nonce, status) => sign(messages.stream(nonce, status)),
    event: (nonce, index, data) => sign(messages.event(nonce, index, data)),
  };
};
