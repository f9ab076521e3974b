// Every storage key of a corpus, in one place (docs/reference/storage.md). A corpus has a `space`: 16 random bytes drawn when it is
// created, so that a corpus that is deleted and made again shares no key with the one before, even where the index still
// shows the old vectors.
import { fnv1a } from '../../wire/fnv.ts';
import { VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import { digestOf } from '../digest.ts';
import { toBase64Url } from '../vectors/base64.ts';

export const newSpace = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(16)));

/** Ids in Vectorize are global to the index: the digest of space and id, 43 bytes whatever the caller's id is. */
export const vectorId = (space: string, id: string): Promise<string> => digestOf(`${space}\n${id}`);

/** An example without an id is known by its content. */
export const contentId = (fingerprint: string): string => `sha256-${fingerprint}`;

export const fitsId = (id: string): boolean => byteLength(id) <= VECTORIZE_MAX_ID_BYTES;

/** `space/stripe`: at most 24 bytes. */
export const namespace = (space: string, stripe: number): string => `${space}/${stripe}`;

/** Spreads ids over the stripes, the same on every machine. */
export const stripeOf = (id: string, stripes: number): number => fnv1a(new TextEncoder().encode(id)) % stripes;

/** Where the texts of a corpus live that are too long for their vectors' metadata; `/vector id` follows. */
export const textsUnder = (tenant: string, corpus: string, space: string): string =>
  `texts/${tenant}/${corpus}/${space}`;

export const textKey = (under: string, vector: string): string => `${under}/${vector}`;

/** Name of a corpus' Durable Object. Neither part can hold a slash. */
export const catalogueName = (tenant: string, corpus: string): string => `${tenant}/${corpus}`;

/** What tells one version of an example from another. */
export const fingerprintOf = (parts: readonly unknown[]): Promise<string> => digestOf(JSON.stringify(parts));
