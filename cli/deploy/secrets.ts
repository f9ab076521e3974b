// The Worker's secrets: made here, kept in a file of this user's alone from before they are uploaded until they were shown,
// so that an answer that is lost on the way loses no secret. Cloudflare never tells a secret again.
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SECRETS, type SecretName } from './plan.ts';

const kept = z.partialRecord(z.enum(SECRETS), z.string());
export type Secrets = Partial<Readonly<Record<SecretName, string>>>;

export const newSecret = (): string => randomBytes(32).toString('hex');

/** Those that wait to be shown. */
export const pendingSecrets = async (path: string): Promise<Secrets> => {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  try {
    return kept.parse(JSON.parse(text));
  } catch {
    return {}; // an interrupted write: nothing was uploaded from it
  }
};

/** Written for its owner alone; wrangler reads it as its --secrets-file. */
export const keepSecrets = async (path: string, secrets: Secrets): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(secrets)}\n`, { mode: 0o600 });
  await chmod(path, 0o600); // a file that was there keeps its mode
};

export const dropSecrets = (path: string): Promise<void> => rm(path, { force: true });

/** A value for each name: what waits from before, what the operator gives, or a new one. */
export const valuesOf = (names: readonly SecretName[], pending: Secrets, given: Secrets): Secrets =>
  Object.fromEntries(names.map((name) => [name, pending[name] ?? given[name] ?? newSecret()]));
