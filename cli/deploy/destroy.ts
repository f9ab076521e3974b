// What a deployment consists of, deleted in the reverse order: the Worker first (with its Durable Objects), so that nothing
// is left that writes to what goes next. Goes on after a failure, and says what is left.
import type { Console } from '../commands/command.ts';
import { CommandError, EXIT, type ExitCode } from '../exit.ts';
import { look, type Seen } from './account.ts';
import { type Api, CloudflareError, orAbsent } from './api.ts';
import { NAMESPACES, type Names } from './settings.ts';
import { adviceOn, type Part } from './step.ts';

export type Removal =
  | { readonly of: 'worker'; readonly name: string }
  | { readonly of: 'namespace'; readonly id: string; readonly name: string }
  | { readonly of: 'bucket'; readonly name: string }
  | { readonly of: 'index'; readonly name: string };

const PARTS: Readonly<Record<Removal['of'], Part>> = {
  worker: 'worker',
  namespace: 'namespaces',
  bucket: 'bucket',
  index: 'index',
};

const TITLES: Readonly<Record<Removal['of'], string>> = {
  worker: 'Worker',
  namespace: 'KV namespace',
  bucket: 'R2 bucket',
  index: 'Vectorize index',
};
export const titleOf = ({ of, name }: Removal): string => `${TITLES[of]} ${name}`;

/** Pure: what of it is there, in the order of its removal. */
export const removalsOf = (names: Names, seen: Seen): Removal[] => [
  ...(seen.worker ? [{ of: 'worker', name: names.name } as const] : []),
  ...NAMESPACES.flatMap((binding) => {
    const id = seen.namespaces[binding];
    return id === undefined ? [] : [{ of: 'namespace', id, name: names.namespaces[binding] } as const];
  }),
  ...(seen.bucket ? [{ of: 'bucket', name: names.bucket } as const] : []),
  ...(seen.index === undefined ? [] : [{ of: 'index', name: names.index } as const]),
];

interface Page {
  readonly keys: readonly string[];
  readonly more: boolean;
}

/** Keys of a bucket from its beginning; deleted ones are gone, so no cursor is needed to go on. */
const PER_PAGE = 1_000;
const objectsOf = async (api: Api, account: string, bucket: string): Promise<Page> => {
  const path = `/accounts/${account}/r2/buckets/${bucket}/objects?per_page=${PER_PAGE}`;
  const keys = ((await orAbsent(api<{ key: string }[]>('GET', path))) ?? []).map(({ key }) => key);
  return { keys, more: keys.length === PER_PAGE };
};

/** What is in it, where that is cheap to know. */
const holdingOf = async (api: Api, account: string, removal: Removal): Promise<string | undefined> => {
  if (removal.of === 'worker') return 'and its Durable Objects: keys, corpora, meters';
  if (removal.of === 'index') {
    const path = `/accounts/${account}/vectorize/v2/indexes/${removal.name}/info`;
    const info = await api<{ vectorCount?: number }>('GET', path).catch(() => undefined);
    return info?.vectorCount === undefined ? undefined : `${info.vectorCount} vectors`;
  }
  if (removal.of === 'bucket') {
    const page = await objectsOf(api, account, removal.name).catch(() => undefined);
    return page === undefined ? undefined : `${page.keys.length}${page.more ? ' or more' : ''} objects`;
  }
  return undefined;
};

/** Deletes at once; each is a request, and Cloudflare takes 1,200 in five minutes. */
const AT_ONCE = 6;

/** Slashes of a key stay as they are, as Cloudflare asks for. */
const pathOf = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

const empty = async (api: Api, account: string, bucket: string): Promise<void> => {
  for (;;) {
    const { keys } = await objectsOf(api, account, bucket);
    if (keys.length === 0) return;
    for (let from = 0; from < keys.length; from += AT_ONCE) {
      await Promise.all(
        keys
          .slice(from, from + AT_ONCE)
          .map((key) => orAbsent(api('DELETE', `/accounts/${account}/r2/buckets/${bucket}/objects/${pathOf(key)}`))),
      );
    }
  }
};

const remove = async (api: Api, account: string, removal: Removal): Promise<void> => {
  const at = `/accounts/${account}`;
  switch (removal.of) {
    case 'worker':
      await orAbsent(api('DELETE', `${at}/workers/scripts/${removal.name}?force=true`));
      return;
    case 'namespace':
      await orAbsent(api('DELETE', `${at}/storage/kv/namespaces/${removal.id}`));
      return;
    case 'bucket':
      await empty(api, account, removal.name);
      await orAbsent(api('DELETE', `${at}/r2/buckets/${removal.name}`));
      return;
    case 'index':
      await orAbsent(api('DELETE', `${at}/vectorize/v2/indexes/${removal.name}`));
  }
};

export interface Destroying {
  readonly api: Api;
  readonly account: string;
  readonly names: Names;
  readonly ids: Parameters<typeof look>[3];
  readonly dryRun: boolean;
  /** The name that was typed or given with --yes; undefined where nobody can be asked. */
  confirm(): Promise<string | undefined>;
  /** Takes away what the deployment has written on this machine. */
  forget(): Promise<void>;
}

export const destroy = async (destroying: Destroying, console: Console): Promise<ExitCode> => {
  const { api, account, names } = destroying;
  const removals = removalsOf(names, await look(api, account, names, destroying.ids));
  if (removals.length === 0) {
    console.say(`nothing of '${names.name}' is there`);
    console.emit({ type: 'destroyed', left: [] });
    if (!destroying.dryRun) await destroying.forget();
    return EXIT.ok;
  }
  console.say(`Of '${names.name}' this deletes, with everything in it:`);
  for (const removal of removals) {
    const holding = await holdingOf(api, account, removal);
    console.say(`  ${titleOf(removal)}${holding === undefined ? '' : ` (${holding})`}`);
    console.emit({ type: 'found', what: titleOf(removal), ...(holding === undefined ? {} : { holding }) });
  }
  console.say('The workers.dev subdomain is the account’s, and stays.');
  if (destroying.dryRun) return EXIT.ok;
  const typed = await destroying.confirm();
  if (typed !== names.name) {
    throw new CommandError(
      typed === undefined
        ? `nobody can be asked here: --yes ${names.name} says that you mean it`
        : `'${typed}' is not '${names.name}': nothing was deleted`,
      EXIT.usage,
    );
  }
  const left: string[] = [];
  let worst: ExitCode = EXIT.ok;
  for (const removal of removals) {
    const title = titleOf(removal);
    try {
      await remove(api, account, removal);
      console.say(`deleted  ${title}`);
      console.emit({ type: 'step', step: title, status: 'deleted' });
    } catch (error) {
      if (!(error instanceof CloudflareError)) throw error;
      const { exit, codes, message } = error;
      left.push(title);
      worst = exit;
      console.note(`left     ${title}: ${message}. ${adviceOn(exit, codes, PARTS[removal.of])}`);
      console.emit({ type: 'step', step: title, status: 'left', detail: message });
    }
  }
  console.emit({ type: 'destroyed', left });
  if (left.length === 0) {
    await destroying.forget();
    return EXIT.ok;
  }
  console.note(`${left.length} of ${removals.length} are left; the same command goes on with them`);
  // what nothing at all was done of is no half success
  return left.length === removals.length ? worst : EXIT.partly;
};
