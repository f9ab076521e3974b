// Strong validators: a digest of everything that an answer depends on.
import { toBase64Url } from '../vectors/base64.ts';

const utf8 = new TextEncoder();

export const digestOf = async (parts: Uint8Array | string): Promise<string> => {
  const bytes = typeof parts === 'string' ? utf8.encode(parts) : parts;
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as BufferSource)));
};

/** Whatever JSON tells apart is told apart. */
export const etagOf = async (parts: readonly unknown[]): Promise<string> =>
  `"${await digestOf(JSON.stringify(parts))}"`;

/** Whether an If-None-Match header names this one. Proxies that compress may have made it a weak one. */
export const isNamed = (header: string | undefined, etag: string): boolean =>
  (header ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
