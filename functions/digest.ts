// SHA-256 as base64url, 43 characters: of a text's UTF-8, or of bytes.
import { toBase64Url } from './vectors/base64.ts';

const utf8 = new TextEncoder();

export const digestOf = async (data: Uint8Array | string): Promise<string> => {
  const bytes = typeof data === 'string' ? utf8.encode(data) : data;
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as BufferSource)));
};
