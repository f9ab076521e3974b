// What an account holds of a deployment, looked up without changing anything.
import { CommandError, EXIT } from '../exit.ts';
import { type Api, CloudflareError, orAbsent } from './api.ts';
import { type Existing, existing } from './metadata.ts';
import type { Names, NamespaceBinding } from './settings.ts';
import { NAMESPACES } from './settings.ts';
import { step } from './step.ts';

export interface Account {
  readonly id: string;
  readonly name?: string;
}

export interface IndexShape {
  readonly dimensions: number;
  readonly metric: string;
}

export interface Seen {
  /** Of workers.dev; undefined: the account has none yet. */
  readonly subdomain?: string;
  readonly index?: IndexShape;
  readonly metadata: Existing;
  readonly bucket: boolean;
  /** Ids of the KV namespaces that are there. */
  readonly namespaces: Partial<Readonly<Record<NamespaceBinding, string>>>;
  readonly worker: boolean;
  /** Names of the Worker's secrets. */
  readonly secrets: readonly string[];
}

export const NOTHING: Seen = { metadata: [], bucket: false, namespaces: {}, worker: false, secrets: [] };

const PAGE = 100;

/** The account that is meant: the one named, or the only one that the token reaches. */
export const findAccount = async (api: Api, wanted: string | undefined): Promise<Account> =>
  step('login', 'account', async () => {
    const accounts = await api<Account[]>('GET', '/accounts?per_page=50').catch((error: unknown) => {
      // a token may be good for one account's Workers and not for reading the list
      if (wanted !== undefined && error instanceof CloudflareError && error.status === 403) return [];
      throw error;
    });
    if (wanted !== undefined) return accounts.find(({ id }) => id === wanted) ?? { id: wanted };
    const [only, ...others] = accounts;
    if (only === undefined) {
      throw new CommandError(
        'the token reaches no account: give --account ID (or CLOUDFLARE_ACCOUNT_ID), or a token with Account Settings: Read',
        EXIT.auth,
      );
    }
    if (others.length > 0) {
      const list = accounts.map(({ id, name }) => `  ${id}  ${name ?? ''}`).join('\n');
      throw new CommandError(
        `the token reaches ${accounts.length} accounts, say which with --account ID (or CLOUDFLARE_ACCOUNT_ID):\n${list}`,
        EXIT.usage,
      );
    }
    return only;
  });

export const findIndex = async (api: Api, account: string, name: string): Promise<IndexShape | undefined> => {
  const path = `/accounts/${account}/vectorize/v2/indexes/${name}`;
  return (await orAbsent(api<{ config: IndexShape }>('GET', path)))?.config;
};

export const findMetadata = async (api: Api, account: string, index: string): Promise<Existing> => {
  const path = `/accounts/${account}/vectorize/v2/indexes/${index}/metadata_index/list`;
  const answer = await orAbsent(api<{ metadataIndexes: unknown }>('GET', path));
  return existing.parse(answer?.metadataIndexes ?? []);
};

export const findBucket = async (api: Api, account: string, name: string): Promise<true | undefined> =>
  (await orAbsent(api('GET', `/accounts/${account}/r2/buckets/${name}`))) === undefined ? undefined : true;

/** Ids by title, of all the account's KV namespaces. */
export const namespaceIds = async (api: Api, account: string): Promise<Map<string, string>> => {
  const ids = new Map<string, string>();
  for (let page = 1; ; page += 1) {
    const some = await api<{ id: string; title: string }[]>(
      'GET',
      `/accounts/${account}/storage/kv/namespaces?per_page=${PAGE}&page=${page}`,
    );
    for (const { id, title } of some) ids.set(title, id);
    if (some.length < PAGE) return ids;
  }
};

export const findSubdomain = async (api: Api, account: string): Promise<string | undefined> =>
  (await orAbsent(api<{ subdomain?: string } | null>('GET', `/accounts/${account}/workers/subdomain`)))?.subdomain;

interface Binding {
  readonly name: string;
  readonly type: string;
}

/** A Worker that is not of ours is neither overwritten nor deleted. */
const findWorker = async (api: Api, account: string, name: string): Promise<Pick<Seen, 'worker' | 'secrets'>> => {
  const path = `/accounts/${account}/workers/scripts/${name}/settings`;
  const settings = await orAbsent(api<{ bindings?: readonly Binding[] }>('GET', path));
  if (settings === undefined) return { worker: false, secrets: [] };
  const bindings = settings.bindings ?? [];
  if (!bindings.some((one) => one.name === 'CATALOGUE')) {
    throw new CommandError(
      `the account has a Worker '${name}' that is not a Sift Edge (it has no CATALOGUE): choose another --name`,
    );
  }
  return { worker: true, secrets: bindings.filter(({ type }) => type === 'secret_text').map((one) => one.name) };
};

const LOOK = 'look at what the account has';

export const look = async (
  api: Api,
  account: string,
  names: Names,
  ids: Partial<Readonly<Record<NamespaceBinding, string>>> = {},
): Promise<Seen> => {
  const worker = await step(LOOK, 'worker', () => findWorker(api, account, names.name));
  const subdomain = await step(LOOK, 'worker', () => findSubdomain(api, account));
  const index = await step(LOOK, 'index', () => findIndex(api, account, names.index));
  const metadata = index === undefined ? [] : await step(LOOK, 'index', () => findMetadata(api, account, names.index));
  const bucket = await step(LOOK, 'bucket', () => findBucket(api, account, names.bucket));
  const titles = await step(LOOK, 'namespaces', () => namespaceIds(api, account));
  const here = new Set(titles.values());
  const namespaces = Object.fromEntries(
    NAMESPACES.flatMap((binding) => {
      const named = ids[binding];
      const id = named !== undefined && here.has(named) ? named : titles.get(names.namespaces[binding]);
      return id === undefined ? [] : [[binding, id]];
    }),
  );
  return {
    ...worker,
    metadata,
    namespaces,
    bucket: bucket === true,
    ...(subdomain === undefined ? {} : { subdomain }),
    ...(index === undefined ? {} : { index }),
  };
};
