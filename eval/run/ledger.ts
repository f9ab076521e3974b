// Results as they come: one line of JSON a task, appended when it ends, keyed by everything that decides its outcome.
// A run that was interrupted reads what is there and does the rest. A last line cut off in the middle is dropped; the
// file's name holds the fingerprint of model, embedder, corpus and protocol, so a change of them starts another file.
// A ledger of hours is committed, compressed, and seeds the next one.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

export interface Ledger<T> {
  readonly size: number;
  has(key: string): boolean;
  get(key: string): T | undefined;
  add(key: string, value: T): void;
}

/** Everything that a ledger holds, to be committed. */
export const packLedger = (file: string, packed: string): void => writeFileSync(packed, gzipSync(readFileSync(file)));

/** Begins a ledger with what was committed of it; does nothing where there is one, or nothing was committed. */
export const unpackLedger = (packed: string, file: string): void => {
  if (existsSync(file) || !existsSync(packed)) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, gunzipSync(readFileSync(packed)));
};

export const openLedger = <T>(file: string): Ledger<T> => {
  mkdirSync(dirname(file), { recursive: true });
  const entries = new Map<string, T>();
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      const { key, value } = JSON.parse(line) as { key: string; value: T }; // written below
      entries.set(key, value);
    } catch {
      // the line that was being written when the run ended
    }
  }
  if (text !== '' && !text.endsWith('\n')) appendFileSync(file, '\n');
  return {
    get size() {
      return entries.size;
    },
    has: (key) => entries.has(key),
    get: (key) => entries.get(key),
    add(key, value) {
      entries.set(key, value);
      appendFileSync(file, `${JSON.stringify({ key, value })}\n`);
    },
  };
};
