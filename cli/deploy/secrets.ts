// The Worker's secrets: made here or brought by the operator, kept in a file of this user's alone from before they are uploaded until they were shown,
// so that an answer that is lost on the way loses no secret. Cloudflare never tells a secret again.
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { secretOf, type Variables } from '../../gateway/secret.ts';
import { MIN_SECRET_CHARACTERS } from '../../wire/limits.ts';
import { UsageError } from '../../wire/usage.ts';
import { ACCESS_SECRETS, SECRETS, type SecretName } from './plan.ts';

const kept = z.partialRecord(z.enum([...SECRETS, ...ACCESS_SECRETS]), z.string());
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

/** Those of the environment, or of the files that NAME_FILE names, as the gateway itself reads them. */
export const givenSecrets = async (env: Variables): Promise<Secrets> => {
  const [secret, accessId, accessSecret] = await Promise.all([
    secretOf('GATEWAY_SECRET', env),
    secretOf('GATEWAY_ACCESS_ID', env),
    secretOf('GATEWAY_ACCESS_SECRET', env),
  ]);
  if (secret !== undefined && secret.length < MIN_SECRET_CHARACTERS) {
    throw new UsageError(
      `GATEWAY_SECRET has ${secret.length} characters, the gateway takes none below ${MIN_SECRET_CHARACTERS} characters`,
    );
  }
  if ((accessId === undefined) !== (accessSecret === undefined)) {
    const missing = `GATEWAY_ACCESS_${accessId === undefined ? 'ID' : 'SECRET'}`;
    throw new UsageError(`${missing} is missing: a service token of Cloudflare Access has two parts`);
  }
  return {
    ...(secret === undefined ? {} : { GATEWAY_SECRET: secret }),
    ...(accessId === undefined ? {} : { GATEWAY_ACCESS_ID: accessId }),
    ...(accessSecret === undefined ? {} : { GATEWAY_ACCESS_SECRET: accessSecret }),
  };
};

/** A value for each name: what the operator brings, what waits from before, or a new one. */
export const valuesOf = (names: readonly SecretName[], pending: Secrets, given: Secrets): Secrets =>
  Object.fromEntries(names.map((name) => [name, given[name] ?? pending[name] ?? newSecret()]));
