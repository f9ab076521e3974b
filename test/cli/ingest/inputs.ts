// A directory for the inputs of a test, and what reading them gives.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { Fields } from '../../../cli/ingest/fields.ts';
import type { Found } from '../../../cli/ingest/found.ts';
import { inputsOf } from '../../../cli/ingest/inputs.ts';
import { type ReadOptions, readInputs } from '../../../cli/ingest/read.ts';

export const noFields: Fields = { meta: [] };

export const workDirectory = () => {
  const root = mkdtempSync(join(tmpdir(), 'sift-ingest-'));
  const path = (name: string): string => join(root, name);
  return {
    root,
    path,
    write(name: string, content: string | Uint8Array): string {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), content);
      return path(name);
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
};

export const readAll = async (
  paths: readonly string[],
  options: Partial<ReadOptions> = {},
  stdin: Iterable<string | Uint8Array> = [],
): Promise<Found[]> => {
  const { inputs } = await inputsOf({ paths, ignoreFiles: true });
  const bytes = Readable.from([...stdin].map((piece) => Buffer.from(piece)));
  const reading = { stdin: bytes, onBytes: () => {} };
  return await Array.fromAsync(readInputs(inputs, reading, { fields: noFields, types: {}, ...options }));
};

/** The found, short: `line or page: text` or `!line or page: reason`. */
export const short = (found: readonly Found[]): string[] =>
  found.map((one) => {
    const where = one.place.line ?? one.place.page ?? '';
    return one.type === 'text' ? `${where}: ${one.text}` : `!${where}: ${one.reason}`;
  });
