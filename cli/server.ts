// Which edge a command asks, and with which key.
// The key comes from --key, else from SIFT_KEY, else, for the edge that `sift-edge serve` starts on its usual port of this
// machine, from the file that serve keeps it in (mode 0600). To any other address that key is never sent.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type SiftClient } from '../client/index.ts';
import { UsageError } from '../wire/usage.ts';
import type { ClientWishes, Environment, Values } from './commands/command.ts';
import { text } from './commands/values.ts';
import { CommandError, EXIT } from './exit.ts';
import { stateOf } from './places.ts';

export const DEFAULT_SERVER = 'http://127.0.0.1:8787';
/** Where serve has its gateway. */
export const DEFAULT_GATEWAY = 'http://127.0.0.1:8788';
export const isLoopback = (hostname: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
/** Other ways to write it. */
const ITS_ORIGINS = [DEFAULT_SERVER, 'http://localhost:8787'];

/** Without a slash or /v1 at its end. */
export const serverOf = (values: Values, env: Environment): string => {
  const flag = text(values, 'server');
  const server = flag ?? (env.SIFT_SERVER || DEFAULT_SERVER);
  const name = flag === undefined ? 'SIFT_SERVER' : '--server';
  const url = URL.parse(server);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(`${name} is '${server}', it must be a URL such as https://sift.example.com`);
  }
  const root = (url.origin + url.pathname).replace(/\/+$/, '').replace(/\/v1$/, '');
  // they may hold a key or a password, and are not repeated
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new UsageError(`${name} has a '?', a '#' or a user's name in it, it must be an address alone: ${root}`);
  }
  return root;
};

const filled = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** What `sift-edge serve` made for this machine; undefined where it has not run, or its file cannot be read. */
export const secretOfThisMachine = (
  env: Environment,
): { readonly apiKey: string | undefined; readonly gatewaySecret: string | undefined } | undefined => {
  try {
    const secrets: unknown = JSON.parse(readFileSync(join(stateOf(env), 'secrets.json'), 'utf8'));
    const { apiKey, gatewaySecret } = Object(secrets) as Record<string, unknown>;
    return { apiKey: filled(apiKey), gatewaySecret: filled(gatewaySecret) };
  } catch {
    return undefined;
  }
};

export interface FoundKey {
  readonly key: string;
  readonly from: '--key' | 'SIFT_KEY' | 'secrets.json of this machine';
}

export const keyOf = (values: Values, env: Environment, server: string): FoundKey | undefined => {
  const flag = text(values, 'key');
  if (flag !== undefined && flag !== '') return { key: flag, from: '--key' };
  if ((env.SIFT_KEY ?? '') !== '') return { key: env.SIFT_KEY ?? '', from: 'SIFT_KEY' };
  if (!ITS_ORIGINS.includes(new URL(server).origin)) return undefined;
  const key = secretOfThisMachine(env)?.apiKey;
  return key === undefined ? undefined : { key, from: 'secrets.json of this machine' };
};

const howToGetOne = (server: string, env: Environment): string => {
  const give = 'give --key KEY or set SIFT_KEY';
  const { origin, hostname } = new URL(server);
  if (ITS_ORIGINS.includes(origin)) {
    return `sift-edge serve has not made one on this machine (${join(stateOf(env), 'secrets.json')}): start it, or ${give}`;
  }
  return isLoopback(hostname) ? `${give} (serve prints the key of this machine when it starts)` : give;
};

export const clientOf = (values: Values, env: Environment, { retries }: ClientWishes = {}): SiftClient => {
  const baseURL = serverOf(values, env);
  const found = keyOf(values, env, baseURL);
  if (found === undefined) throw new CommandError(`no key: ${howToGetOne(baseURL, env)}`, EXIT.auth);
  return createClient({ baseURL, key: found.key, ...(retries === undefined ? {} : { retries }) });
};
