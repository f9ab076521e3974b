// Who deploys: the token or login that the environment has, as an API.
import { setTimeout as pause } from 'node:timers/promises';
import { CommandError, EXIT } from '../exit.ts';
import { type Account, findAccount } from './account.ts';
import { type Api, CLOUDFLARE_API, cloudflare } from './api.ts';
import { type Environment, loginHeaders } from './wrangler.ts';

export interface Login {
  readonly api: Api;
  readonly account: Account;
}

const NOT_LOGGED_IN =
  'not logged in to Cloudflare: set CLOUDFLARE_API_TOKEN, or run `npx wrangler login` (docs/deploy.md says which permissions a token needs)';

/** Undefined where nobody is logged in. */
export const loginOf = async (
  root: string,
  env: Environment,
  account: string | undefined,
  signal: AbortSignal,
): Promise<Login | undefined> => {
  const headers = await loginHeaders(root, env, signal);
  if (headers === undefined) return undefined;
  const baseUrl = (env.CLOUDFLARE_API_BASE_URL || CLOUDFLARE_API).replace(/\/+$/, '');
  const wait = (ms: number) => pause(ms, undefined, { signal });
  const api = cloudflare({ baseUrl, headers, signal, wait });
  return { api, account: await findAccount(api, account ?? (env.CLOUDFLARE_ACCOUNT_ID || undefined)) };
};

export const needLogin = (login: Login | undefined): Login => {
  if (login === undefined) throw new CommandError(NOT_LOGGED_IN, EXIT.auth);
  return login;
};
