// Where this process finds a secret: in the variable NAME, or in the file that NAME_FILE names, as container and service
// managers hand secrets out. A file keeps them out of `docker inspect`, /proc and crash reports. Never on a command line.
import { readFile } from 'node:fs/promises';
import { MAX_SECRET_FILE_BYTES } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { UsageError } from '../wire/usage.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/** Undefined where neither is set. Throws a UsageError that names the variable, never the value. */
export const secretOf = async (name: string, env: Variables): Promise<string | undefined> => {
  const value = env[name];
  const file = env[`${name}_FILE`];
  if (!file) return value || undefined;
  if (value) throw new UsageError(`${name} and ${name}_FILE are both set: give one of them`);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new UsageError(`${name}_FILE cannot be read: ${messageOf(error)}`);
  }
  if (bytes.byteLength > MAX_SECRET_FILE_BYTES) {
    throw new UsageError(
      `${name}_FILE: ${file} has ${bytes.byteLength} bytes, a secret has at most ${MAX_SECRET_FILE_BYTES}`,
    );
  }
  // editors and `echo` end a file with a line break that is not part of the secret
  const text = bytes.toString('utf8').trim();
  if (text === '') throw new UsageError(`${name}_FILE: ${file} is empty`);
  return text;
};
