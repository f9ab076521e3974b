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

/** Undefined where nobody is logged in. The account of --account, else CLOUDFLARE_ACCOUNT_ID, else of the run before. */
export const loginOf = async (
  root: string,
  env: Environment,
  account: { readonly given: string | undefined; readonly before: string | undefined },
  signal: AbortSignal,
): Promise<Login | undefined> => {
  const headers = await loginHeaders(root, env, signal);
  if (headers === undefined) return undefined;
  const baseUrl = (env.CLOUDFLARE_API_BASE_URL || CLOUDFLARE_API).replace(/\/+$/, '');
  const wait = (ms: number) => pause(ms, undefined, { signal });
  const api = cloudflare({ baseUrl, headers, signal, wait });
  const wanted = account.given ?? (env.CLOUDFLARE_ACCOUNT_ID || account.before);
  return { api, account: await findAccount(api, wanted) };
};

export const needLogin = (login: Login | undefined): Login => {
  if (login === undefined) throw new CommandError(NOT_LOGGED_IN, EXIT.auth);
  return login;
};
