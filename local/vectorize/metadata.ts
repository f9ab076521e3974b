// Metadata as Vectorize sees it: which keys it refuses, and what of it the metadata indexes keep.
// An index keeps values of its own type only, strings cut to 64 bytes at a character; the rest is stored but cannot be filtered.
import { VECTORIZE_MAX_INDEXED_BYTES, VECTORIZE_MAX_KEY_CHARACTERS } from '../../wire/limits.ts';
import type { IndexConfig } from './config.ts';

export type Scalar = string | number | boolean;
/** Dotted property → its indexed value. A property that is absent or of another type is not in it. */
export type Indexed = Readonly<Record<string, Scalar>>;

const encoder = new TextEncoder();
const scratch = new Uint8Array(64 * 1024);
/** UTF-8 bytes of a text; a text that may exceed the scratch is encoded apart. */
export const utf8Length = (text: string): number =>
  text.length * 3 <= scratch.length ? encoder.encodeInto(text, scratch).written : encoder.encode(text).byteLength;

/** The longest whole-character start of `text` within the bytes an index keeps. */
export const indexedPrefix = (text: string): string => {
  if (text.length * 3 <= VECTORIZE_MAX_INDEXED_BYTES) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(VECTORIZE_MAX_INDEXED_BYTES));
  return text.slice(0, read);
};

/** Why a key is refused, or null. In a filter the dot is allowed (it nests), so dotted keys come here in pieces. */
export const keyProblem = (key: string): string | null => {
  if (key === '') return 'key cannot be empty';
  if (key.startsWith('$')) return `key "${key}" cannot start with $`;
  if (/[".]/.test(key)) return `key ${JSON.stringify(key)} cannot contain " or .`;
  if (key.length > VECTORIZE_MAX_KEY_CHARACTERS) {
    return `key of ${key.length} characters is longer than ${VECTORIZE_MAX_KEY_CHARACTERS}`;
  }
  return null;
};

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first key at any depth that Vectorize refuses, with the reason. */
export const badKey = (metadata: Record<string, unknown>): string | null => {
  for (const [key, value] of Object.entries(metadata)) {
    const problem = keyProblem(key) ?? (isRecord(value) ? badKey(value) : null);
    if (problem !== null) return problem;
  }
  return null;
};

const at = (metadata: Record<string, unknown>, path: string): unknown => {
  let value: unknown = metadata;
  for (const key of path.split('.')) {
    if (!isRecord(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
};

export const indexedOf = (
  metadata: Record<string, unknown>,
  indexes: IndexConfig['metadataIndexes'],
): Indexed | null => {
  const indexed: Record<string, Scalar> = {};
  let any = false;
  for (const [path, type] of Object.entries(indexes)) {
    const value = at(metadata, path);
    if (typeof value !== type) continue;
    // typeof above agrees with the index's type, which is one of these three
    if (typeof value === 'string') indexed[path] = indexedPrefix(value);
    else if (typeof value === 'number' || typeof value === 'boolean') indexed[path] = value;
    any = true;
  }
  return any ? indexed : null;
};

/** Indexed values as the nested object that `returnMetadata: 'indexed'` gives back. */
export const nested = (indexed: Indexed): Record<string, unknown> => {
  const root: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(indexed)) {
    const keys = path.split('.');
    const last = keys.pop() ?? path;
    let node = root;
    for (const key of keys) {
      const next = node[key];
      const child: Record<string, unknown> = isRecord(next) ? next : {};
      node[key] = child;
      node = child;
    }
    node[last] = value;
  }
  return root;
};
