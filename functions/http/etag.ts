// Strong validators: a digest of everything that an answer depends on.
import { digestOf } from '../digest.ts';

/** Whatever JSON tells apart is told apart. */
export const etagOf = async (parts: readonly unknown[]): Promise<string> =>
  `"${await digestOf(JSON.stringify(parts))}"`;

/** Whether an If-None-Match header names this one. Proxies that compress may have made it a weak one. */
export const isNamed = (header: string | undefined, etag: string): boolean =>
  (header ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
