// What a key looks like, and what is kept of it: `sk_ID_SECRET`, of which the id is no secret and the digest of the whole
// is all that is stored.
import { toBase64Url } from '../vectors/base64.ts';

const FORM = /^sk_([a-z0-9]{16})_[A-Za-z0-9_-]{43}$/;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 16;
const SECRET_BYTES = 32;

/** SHA-256 of a key. */
export const digestOf = async (key: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)));

/** The id of a key of our form; undefined for any other. */
export const idOf = (key: string): string | undefined => FORM.exec(key)?.[1];

/** 82 bits: nobody else's, and nobody's guess. */
export const newId = (): string => {
  let id = '';
  while (id.length < ID_LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(ID_LENGTH * 2))) {
      // the largest multiple of 36 below 256: all letters are as likely
      if (byte < 252 && id.length < ID_LENGTH) id += LETTERS[byte % LETTERS.length];
    }
  }
  return id;
};

/** A key of this id, and its digest for the store. */
export const newKey = async (id: string): Promise<{ key: string; digest: string }> => {
  const key = `sk_${id}_${toBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))}`;
  return { key, digest: toBase64Url(await digestOf(key)) };
};
