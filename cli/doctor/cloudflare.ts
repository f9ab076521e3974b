// The login for Cloudflare, as `deploy` will have it: whether one is there is looked up here, without a request; with --cloudflare
// it is asked for as deploy asks (deploy/login.ts), so that doctor never knows less than deploy, or more.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CommandError, EXIT } from '../exit.ts';
import { ROOT } from '../places.ts';
import { type Check, type Finding, fail, ok, skip, warn } from './finding.ts';

const LOG_IN = 'set CLOUDFLARE_API_TOKEN, or run npx wrangler login';

type Variables = Readonly<Record<string, string | undefined>>;

/** Where wrangler keeps its login on this system. */
const filesOf = (env: Variables): string[] => {
  const home = env.HOME ?? homedir();
  const config =
    env.XDG_CONFIG_HOME ?? (process.platform === 'darwin' ? join(home, 'Library/Preferences') : join(home, '.config'));
  return [join(home, '.wrangler/config/default.toml'), join(config, '.wrangler/config/default.toml')];
};

/** What a login would come from; whether it is valid, only Cloudflare knows. */
const sourceOf = (env: Variables): string | undefined => {
  if (env.CLOUDFLARE_API_TOKEN) return 'CLOUDFLARE_API_TOKEN';
  if (env.CLOUDFLARE_API_KEY && env.CLOUDFLARE_EMAIL) return 'CLOUDFLARE_API_KEY';
  return filesOf(env).find((path) => existsSync(path));
};

export const cloudflareCheck: Check = async ({ env, cloudflare, signal }): Promise<readonly Finding[]> => {
  const source = sourceOf(env);
  if (source === undefined) {
    const why = 'no CLOUDFLARE_API_TOKEN, and wrangler is not logged in';
    return [
      cloudflare
        ? fail('cloudflare', 'no login for Cloudflare', why, LOG_IN)
        : skip('cloudflare', 'the login for Cloudflare', why),
    ];
  }
  const what = `the login for Cloudflare (${source})`;
  if (!cloudflare) return [skip('cloudflare', what, 'it is there; --cloudflare asks whether it is valid')];
  const { loginOf } = await import('../deploy/login.ts');
  try {
    const login = await loginOf(ROOT, env, { given: undefined, before: undefined }, signal);
    if (login === undefined) return [fail('cloudflare', `${what} is refused`, 'wrangler has no login', LOG_IN)];
    const { id, name } = login.account;
    return [ok('cloudflare', `${what} is valid, for the account ${name ?? id}`)];
  } catch (error) {
    if (!(error instanceof CommandError) || signal.aborted) throw error;
    const { code, message } = error;
    // valid, and deploy asks for more
    if (code === EXIT.usage) return [warn('cloudflare', `${what} is valid`, message, 'set CLOUDFLARE_ACCOUNT_ID')];
    if (code === EXIT.tryAgain) return [fail('cloudflare', what, message, 'look at the network')];
    return [fail('cloudflare', `${what} is refused`, message, LOG_IN)];
  }
};
