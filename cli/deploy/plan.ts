// What a deployment still needs, as a list of steps: pure, from what it is to be and what the account holds. What is found is
// kept and listed too, so that `--dry-run` shows everything.
import { CommandError } from '../exit.ts';
import type { Seen } from './account.ts';
import { titleOf } from './gateways.ts';
import { missingIndexes, type Property } from './metadata.ts';
import { NAMESPACES, type NamespaceBinding, type Settings } from './settings.ts';
import type { Part } from './step.ts';

/** Made where nobody brings them. */
export const SECRETS = ['API_KEY', 'GATEWAY_SECRET'] as const;
/** Of Cloudflare Access, which may stand before the gateways: only ever the operator's. */
export const ACCESS_SECRETS = ['GATEWAY_ACCESS_ID', 'GATEWAY_ACCESS_SECRET'] as const;
export type SecretName = (typeof SECRETS)[number] | (typeof ACCESS_SECRETS)[number];

export type Action =
  | { readonly do: 'subdomain'; readonly name: string }
  | { readonly do: 'index'; readonly name: string; readonly dimensions: number }
  | { readonly do: 'metadata'; readonly index: string; readonly properties: readonly (readonly [string, Property])[] }
  | { readonly do: 'bucket'; readonly name: string }
  | { readonly do: 'namespace'; readonly binding: NamespaceBinding; readonly title: string }
  | { readonly do: 'build' }
  | { readonly do: 'config' }
  | { readonly do: 'worker'; readonly secrets: readonly SecretName[] }
  | { readonly do: 'ready' }
  | { readonly do: 'selection' };

export interface Step {
  readonly title: string;
  readonly part: Part;
  /** Undefined: there is nothing to do, it is there. */
  readonly action?: Action;
}

export interface Wishes {
  readonly rotateSecrets: boolean;
  readonly check: boolean;
  /** Secrets that an earlier run made and may have set, but has not shown: set again, since its answer may have been lost. */
  readonly pending: readonly SecretName[];
  /** Those that the operator brings: set each time. */
  readonly given: readonly SecretName[];
}

const METRIC = 'cosine';

const indexStep = ({ index: name, dimensions }: Settings, { index }: Seen): Step => {
  const title = `Vectorize index ${name} (${dimensions} dimensions, ${METRIC})`;
  if (index === undefined) return { title, part: 'index', action: { do: 'index', name, dimensions } };
  if (index.dimensions === dimensions && index.metric === METRIC) return { title, part: 'index' };
  throw new CommandError(
    `the Vectorize index '${name}' has ${index.dimensions} dimensions (${index.metric}), the embedder makes ${dimensions} (${METRIC}), ` +
      'and an index cannot be changed: deploy under another --name, or with an embedder of its dimensions, or destroy it first',
  );
};

export const planOf = (account: string, settings: Settings, seen: Seen, wishes: Wishes): Step[] => {
  const steps: Step[] = [];
  if (settings.domain === undefined) {
    const name = settings.subdomain ?? `sift-${account.slice(0, 8)}`;
    steps.push(
      seen.subdomain === undefined
        ? { title: `workers.dev subdomain ${name} of the account`, part: 'worker', action: { do: 'subdomain', name } }
        : { title: `workers.dev subdomain ${seen.subdomain} of the account`, part: 'worker' },
    );
  }
  steps.push(indexStep(settings, seen));
  const properties = missingIndexes(settings.indexes, seen.metadata);
  const named = (properties.length === 0 ? [...settings.indexes] : properties).map(([name, type]) => `${name}:${type}`);
  steps.push({
    title: `metadata indexes ${named.join(', ')}`,
    part: 'index',
    ...(properties.length === 0 ? {} : { action: { do: 'metadata', index: settings.index, properties } }),
  });
  steps.push({
    title: `R2 bucket ${settings.bucket}`,
    part: 'bucket',
    ...(seen.bucket ? {} : { action: { do: 'bucket', name: settings.bucket } }),
  });
  for (const binding of NAMESPACES) {
    const title = settings.namespaces[binding];
    steps.push({
      title: `KV namespace ${title}`,
      part: 'namespaces',
      ...(seen.namespaces[binding] === undefined ? { action: { do: 'namespace', binding, title } } : {}),
    });
  }
  const isTold = (name: SecretName): boolean => wishes.pending.includes(name) || wishes.given.includes(name);
  const secrets: SecretName[] = [
    ...SECRETS.filter((name) => wishes.rotateSecrets || !seen.secrets.includes(name) || isTold(name)),
    ...ACCESS_SECRETS.filter(isTold),
  ];
  const setting = secrets.length === 0 ? 'its secrets as they are' : `secrets ${secrets.join(', ')}`;
  const bundled = settings.embedder === 'onnx' ? 'with the bundled embedder' : `embedder ${settings.embedder}`;
  steps.push(
    { title: 'build of the kernel and the pages', part: 'worker', action: { do: 'build' } },
    {
      title: `configuration of its own (${titleOf(settings.gateways, settings.vpc)})`,
      part: 'worker',
      action: { do: 'config' },
    },
    {
      title: `Worker ${settings.name} (${bundled}, ${setting})`,
      part: 'worker',
      action: { do: 'worker', secrets },
    },
  );
  if (wishes.check) {
    steps.push(
      { title: 'check that it is ready', part: 'worker', action: { do: 'ready' } },
      { title: 'check of one selection', part: 'worker', action: { do: 'selection' } },
    );
  }
  return steps;
};
