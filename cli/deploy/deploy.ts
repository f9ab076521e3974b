// A deployment from beginning to end: look, plan, do each step, check. Run again it keeps what it finds, so whatever broke
// off is repaired by the same command. What touches the machine (wrangler, the build, files) comes in as `Shell`.
import { setTimeout as pause } from 'node:timers/promises';
import { DEPLOY_LOOK_MS, METADATA_LISTED_MS } from '../../wire/limits.ts';
import type { Console } from '../commands/command.ts';
import { CommandError, EXIT, type ExitCode } from '../exit.ts';
import {
  type Account,
  findBucket,
  findIndex,
  findMetadata,
  findSubdomain,
  look,
  NOTHING,
  namespaceIds,
  type Seen,
} from './account.ts';
import { type Api, madeOrFound } from './api.ts';
import { type CheckOptions, checkReady, checkSelection, gatewayNote } from './check.ts';
import { configOf } from './config.ts';
import { type Action, planOf, SECRETS, type SecretName, type Step } from './plan.ts';
import { type Secrets, valuesOf } from './secrets.ts';
import type { NamespaceBinding, RawConfig, Settings } from './settings.ts';
import { step } from './step.ts';

export interface Shell {
  /** Builds the kernel and the pages; answers what there is to say of them. */
  build(): Promise<string | undefined>;
  writeConfig(config: RawConfig): Promise<void>;
  /** Uploads the Worker of that configuration; answers its addresses. */
  upload(accountId: string, secrets: boolean): Promise<readonly string[]>;
  /** Secrets that were made and not shown yet. */
  pending(): Promise<Secrets>;
  keep(secrets: Secrets): Promise<void>;
  drop(): Promise<void>;
  readonly configPath: string;
  readonly secretsPath: string;
  /** The repository, as seen from the configuration. */
  readonly root: string;
}

export interface Deployment {
  readonly settings: Settings;
  readonly toml: RawConfig;
  readonly dryRun: boolean;
  readonly rotateSecrets: boolean;
  readonly check: boolean;
  /** Whether --json may hold the secrets. */
  readonly showSecrets: boolean;
  /** Where it is reached, if not at its workers.dev address. */
  readonly url?: string;
  /** Of an earlier deployment, for the check. */
  readonly key?: string;
  /** Secrets of the operator's own, in place of made ones. */
  readonly given: Secrets;
  /** Waits and limits of the check. */
  readonly timing?: Partial<Omit<CheckOptions, 'url' | 'signal'>> & { readonly listedMs?: number };
}

export interface Surroundings {
  /** Undefined: nobody is logged in, which is enough for a dry run. */
  readonly login?: { readonly api: Api; readonly account: Account };
  readonly shell: Shell;
  readonly console: Console;
}

/** What the steps have found and made so far. */
interface Progress {
  readonly api: Api;
  readonly account: Account;
  subdomain: string | undefined;
  readonly namespaces: Partial<Record<NamespaceBinding, string>>;
  addresses: readonly string[];
  /** Made or given in this run or the one that broke off: to be shown at its end. */
  secrets: Secrets;
}

const urlOf = ({ url, settings }: Deployment, { addresses, subdomain }: Progress): string =>
  url ??
  (settings.domain === undefined ? addresses[0] : `https://${settings.domain}`) ??
  `https://${settings.name}.${subdomain}.workers.dev`;

const listed = async (
  { api, account }: Progress,
  { index, properties }: Action & { do: 'metadata' },
  { listedMs = METADATA_LISTED_MS, lookMs = DEPLOY_LOOK_MS }: NonNullable<Deployment['timing']>,
  signal: AbortSignal,
): Promise<void> => {
  for (const end = Date.now() + listedMs; ; ) {
    const names = new Set((await findMetadata(api, account.id, index)).map((one) => one.propertyName));
    const missing = properties.filter(([name]) => !names.has(name)).map(([name]) => name);
    if (missing.length === 0) return;
    if (Date.now() >= end) {
      throw new CommandError(
        `metadata indexes ${missing.join(', ')} were made and are not listed ${listedMs / 1000} s later: run this again in a while`,
        EXIT.tryAgain,
      );
    }
    await pause(lookMs, undefined, { signal });
  }
};

/** Does one step; answers what there is to say of it. */
const perform = async (
  action: Action,
  deployment: Deployment,
  progress: Progress,
  { shell, console }: Surroundings,
): Promise<string | undefined> => {
  const { api, account } = progress;
  const { settings, toml, timing = {} } = deployment;
  const at = `/accounts/${account.id}`;
  switch (action.do) {
    case 'subdomain': {
      const made = await madeOrFound(
        async () =>
          (await api<{ subdomain: string }>('PUT', `${at}/workers/subdomain`, { subdomain: action.name })).subdomain,
        () => findSubdomain(api, account.id),
      );
      progress.subdomain = made;
      return undefined;
    }
    case 'index': {
      const config = { dimensions: action.dimensions, metric: 'cosine' };
      await madeOrFound(
        () => api<unknown>('POST', `${at}/vectorize/v2/indexes`, { name: action.name, config }),
        () => findIndex(api, account.id, action.name),
      );
      return undefined;
    }
    case 'metadata': {
      for (const [propertyName, indexType] of action.properties) {
        await madeOrFound(
          () =>
            api('POST', `${at}/vectorize/v2/indexes/${action.index}/metadata_index/create`, {
              propertyName,
              indexType,
            }),
          async () =>
            (await findMetadata(api, account.id, action.index)).find((one) => one.propertyName === propertyName),
        );
      }
      await listed(progress, action, timing, console.signal);
      return 'vectors written before are not found by them';
    }
    case 'bucket':
      await madeOrFound<unknown>(
        () => api('POST', `${at}/r2/buckets`, { name: action.name }),
        () => findBucket(api, account.id, action.name),
      );
      return undefined;
    case 'namespace':
      progress.namespaces[action.binding] = await madeOrFound(
        async () => (await api<{ id: string }>('POST', `${at}/storage/kv/namespaces`, { title: action.title })).id,
        async () => (await namespaceIds(api, account.id)).get(action.title),
      );
      return undefined;
    case 'build':
      return shell.build();
    case 'config': {
      const { KEYS = '', SELECTIONS = '' } = progress.namespaces;
      const made = { accountId: account.id, namespaces: { KEYS, SELECTIONS } };
      await shell.writeConfig(configOf(settings, toml, made, shell.root));
      return shell.configPath;
    }
    case 'worker': {
      const pending = deployment.rotateSecrets ? {} : await shell.pending();
      progress.secrets = valuesOf(action.secrets, pending, deployment.given);
      const setting = action.secrets.length > 0;
      // before the upload, whose answer may be lost
      if (setting) await shell.keep(progress.secrets);
      progress.addresses = await shell.upload(account.id, setting);
      return urlOf(deployment, progress);
    }
    case 'ready': {
      return gatewayNote(await checkReady({ ...timing, url: urlOf(deployment, progress), signal: console.signal }));
    }
    case 'selection': {
      const made = progress.secrets.API_KEY;
      const key = made ?? deployment.key;
      if (key === undefined) return 'left out: it needs a key (SIFT_KEY)';
      const options = { ...timing, url: urlOf(deployment, progress), signal: console.signal };
      const { shownAfterMs } = await checkSelection(options, { key, isNew: made !== undefined }, settings);
      return `one of three examples was selected, ${(shownAfterMs / 1000).toFixed(1)} s after their upload`;
    }
  }
};

/** What was made here is told; what the operator brought is theirs, and is told nowhere. */
const madeHere = (secrets: Secrets, given: Secrets): Secrets =>
  Object.fromEntries(SECRETS.flatMap((name) => (name in secrets && !(name in given) ? [[name, secrets[name]]] : [])));

const showSecrets = async (
  secrets: Secrets,
  { showSecrets: inJson }: Deployment,
  { console, shell }: Surroundings,
): Promise<void> => {
  const names = Object.keys(secrets) as SecretName[];
  if (names.length === 0) return shell.drop();
  // what was brought does not wait there with it
  if (console.json && !inJson) await shell.keep(secrets);
  if (console.json && !inJson) {
    console.note(`secrets: in ${shell.secretsPath} until a run without --json, or with --show-secrets, has shown them`);
    return;
  }
  console.say('', 'Secrets, shown this once (Cloudflare does not tell them again):');
  for (const name of names) console.say(`  ${name}=${secrets[name]}`);
  console.emit({ type: 'secrets', secrets });
  await shell.drop();
};

export const deploy = async (deployment: Deployment, surroundings: Surroundings): Promise<ExitCode> => {
  const { settings, dryRun, rotateSecrets, check, given } = deployment;
  const { login, shell, console } = surroundings;
  if (login === undefined && !dryRun) throw new CommandError('not logged in', EXIT.auth);
  const seen: Seen = login === undefined ? NOTHING : await look(login.api, login.account.id, settings, settings.ids);
  const pending = rotateSecrets ? {} : await shell.pending();
  const steps = planOf(login?.account.id ?? 'account', settings, seen, {
    rotateSecrets,
    check,
    pending: Object.keys(pending) as SecretName[],
    given: Object.keys(given) as SecretName[],
  });
  console.note(...settings.passedOver);
  const tell = (index: number, { title }: Step, status: string, detail?: string): void => {
    console.say(
      `${String(index + 1).padStart(2)}/${steps.length}  ${status.padEnd(5)}  ${title}${detail === undefined ? '' : `: ${detail}`}`,
    );
    console.emit({ type: 'step', step: title, status, ...(detail === undefined ? {} : { detail }) });
  };
  if (login === undefined || dryRun) {
    for (const [i, each] of steps.entries()) tell(i, each, each.action === undefined ? 'there' : 'to do');
    if (login === undefined) console.note('nobody is logged in: shown as for an empty account');
    return EXIT.ok;
  }
  const progress: Progress = {
    ...login,
    subdomain: seen.subdomain,
    namespaces: { ...seen.namespaces },
    addresses: [],
    secrets: {},
  };
  try {
    for (const [i, each] of steps.entries()) {
      const { action, title, part } = each;
      if (action === undefined) tell(i, each, 'there');
      else tell(i, each, 'done', await step(title, part, () => perform(action, deployment, progress, surroundings)));
    }
  } catch (error) {
    if (Object.keys(madeHere(progress.secrets, given)).length > 0) {
      console.note(`secrets were made and not shown: they wait in ${shell.secretsPath} for the next run`);
    }
    throw error;
  }
  const url = urlOf(deployment, progress);
  console.say('', `Deployed: ${url}`, `Its configuration: ${shell.configPath}`);
  console.emit({ type: 'deployed', url, account: login.account.id, config: shell.configPath });
  await showSecrets(madeHere(progress.secrets, given), deployment, surroundings);
  return EXIT.ok;
};
