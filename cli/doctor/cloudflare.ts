// The login for Cloudflare: a token in the environment, or what `wrangler login` keeps. It is asked about only with --cloudflare,
// and sent to Cloudflare's API alone (CLOUDFLARE_API_BASE_URL, which wrangler knows too).
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CLOUDFLARE_API } from '../deploy/api.ts';
import { ask } from './answer.ts';
import { type Check, type Finding, fail, ok, skip, warn } from './finding.ts';

const LOG_IN = 'set CLOUDFLARE_API_TOKEN, or run npx wrangler login';

interface Login {
  readonly from: string;
  readonly token: string;
  /** What Cloudflare tells of it: a token of its own, or a user who has logged in. */
  readonly path: '/user/tokens/verify' | '/user';
  readonly expired?: boolean;
}

/** Where wrangler keeps its login on this system. */
const filesOf = (env: Readonly<Record<string, string | undefined>>): string[] => {
  const home = env.HOME ?? homedir();
  const config =
    env.XDG_CONFIG_HOME ?? (process.platform === 'darwin' ? join(home, 'Library/Preferences') : join(home, '.config'));
  return [join(home, '.wrangler/config/default.toml'), join(config, '.wrangler/config/default.toml')];
};

const field = (text: string, name: string): string | undefined =>
  new RegExp(`^\\s*${name}\\s*=\\s*"([^"]+)"`, 'm').exec(text)?.[1];

export const loginOf = async (env: Readonly<Record<string, string | undefined>>): Promise<Login | undefined> => {
  const token = env.CLOUDFLARE_API_TOKEN ?? '';
  if (token !== '') return { from: 'CLOUDFLARE_API_TOKEN', token, path: '/user/tokens/verify' };
  for (const path of filesOf(env)) {
    const text = await readFile(path, 'utf8').catch(() => '');
    const oauth = field(text, 'oauth_token');
    if (oauth === undefined) continue;
    const until = Date.parse(field(text, 'expiration_time') ?? '');
    return { from: path, token: oauth, path: '/user', expired: until < Date.now() };
  }
  return undefined;
};

interface ApiAnswer {
  readonly success?: boolean;
  readonly errors?: readonly { readonly code?: number; readonly message?: string }[];
  readonly result?: { readonly status?: string; readonly email?: string } | null;
}

export const cloudflareCheck: Check = async ({ env, cloudflare, signal }): Promise<readonly Finding[]> => {
  const login = await loginOf(env);
  if (login === undefined) {
    const why = 'no CLOUDFLARE_API_TOKEN, and wrangler is not logged in';
    return [
      cloudflare
        ? fail('cloudflare', 'no login for Cloudflare', why, LOG_IN)
        : skip('cloudflare', 'the login for Cloudflare', why),
    ];
  }
  const what = `the login for Cloudflare (${login.from})`;
  if (!cloudflare) return [skip('cloudflare', what, 'it is there; --cloudflare asks whether it is valid')];
  // wrangler renews it by itself the next time that it runs
  if (login.expired === true)
    return [warn('cloudflare', what, 'its time is over; wrangler renews it', 'run npx wrangler whoami once')];
  const base = (env.CLOUDFLARE_API_BASE_URL || CLOUDFLARE_API).replace(/\/+$/, '');
  const answer = await ask(base + login.path, { headers: { authorization: `Bearer ${login.token}` }, signal });
  if (typeof answer === 'string') return [fail('cloudflare', what, `${base}: ${answer}`, 'look at the network')];
  const { success, errors = [], result } = (answer.json ?? {}) as ApiAnswer;
  const status = result?.status ?? 'active';
  if (success === true && status === 'active') return [ok('cloudflare', `${what} is valid`)];
  const said = errors.map(({ code, message }) => `${message} (${code})`).join(', ');
  const why = said !== '' ? said : success === true ? `it is ${status}` : `Cloudflare answers ${answer.status}`;
  return [fail('cloudflare', `${what} is refused`, why, LOG_IN)];
};
