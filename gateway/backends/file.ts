// The file that names backends on other machines: {"NAME": {"type": "tinker", …}, …}. Read once, at the start; whatever is
// wrong is said with the backend, the field and the value. Directories in it are relative to the file.
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { MAX_BACKENDS_FILE_BYTES, MAX_SHOWN_CHARACTERS } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { UsageError } from '../../wire/usage.ts';
import { shortened } from '../../wire/words.ts';
import { secretOf, type Variables } from '../secret.ts';
import type { Backend } from './contract.ts';
import { closeAll } from './registry.ts';
import { type TinkerConfig, tinkerConfig } from './tinker/config.ts';
import { createTinkerBackend } from './tinker/index.ts';

const schema = z.record(
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'a name is of a to z, 0 to 9, _ and -, up to 32 of them')
    .refine((name) => name !== 'embedded', 'is the name of the backend on this machine'),
  z.discriminatedUnion('type', [tinkerConfig], { error: 'type must be "tinker"' }),
);

export type BackendsFile = Readonly<Record<string, TinkerConfig>>;

/** The value at an issue's place, where it is short enough to be told and holds no key. */
const valueAt = (value: unknown, path: readonly PropertyKey[]): string => {
  let found = value;
  for (const part of path) found = (found as Record<PropertyKey, unknown> | null | undefined)?.[part];
  if (typeof found === 'object' || found === undefined) return '';
  // what stands before an @ may be a password
  return ` is '${shortened(String(found).replace(/\/\/[^/]*@/, '//…@'), MAX_SHOWN_CHARACTERS)}'`;
};

/** Throws a UsageError that names the file and what is wrong in it. */
export const parseBackends = (text: string, path: string): BackendsFile => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join('.') || 'the file';
    const why = issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message;
    throw new UsageError(`${path}: ${where}${valueAt(value, issue?.path ?? [])}: ${why}`);
  }
  if (Object.keys(parsed.data).length === 0) throw new UsageError(`${path} names no backend`);
  const below = dirname(path);
  return Object.fromEntries(
    Object.entries(parsed.data).map(([name, { models, ...rest }]) => [
      name,
      {
        ...rest,
        models: models.map(({ tokenizer, ...model }) =>
          tokenizer === undefined ? model : { ...model, tokenizer: resolve(below, tokenizer) },
        ),
      },
    ]),
  );
};

/** What the variables that the file names hold, or the files that NAME_FILE names. */
const keysOf = async (file: readonly (readonly [string, TinkerConfig])[], env: Variables): Promise<Variables> => {
  const names = new Set(file.flatMap(([, { servers }]) => servers.flatMap(({ keyEnv }) => keyEnv ?? [])));
  return Object.fromEntries(await Promise.all(Array.from(names, async (name) => [name, await secretOf(name, env)])));
};

/** All backends of a file, once each has answered; those that did are closed again where one does not. */
export const createBackends = async (path: string, env: Variables): Promise<Readonly<Record<string, Backend>>> => {
  const text = await (async () => {
    const { size } = await stat(path);
    if (size > MAX_BACKENDS_FILE_BYTES) throw new Error(`${size} bytes, the limit is ${MAX_BACKENDS_FILE_BYTES}`);
    return readFile(path, 'utf8');
  })().catch((error: unknown) => {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
  });
  const file = Object.entries(parseBackends(text, path));
  const keys = await keysOf(file, env);
  const made = await Promise.allSettled(file.map(([name, config]) => createTinkerBackend({ name, config, env: keys })));
  const failed = made.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await closeAll(made.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
    throw new UsageError(messageOf(failed.reason));
  }
  return Object.fromEntries(
    made.flatMap((result, i) => (result.status === 'fulfilled' ? [[file[i]?.[0] ?? '', result.value]] : [])),
  );
};
