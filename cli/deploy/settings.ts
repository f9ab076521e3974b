// What a deployment is to be: from the command line, else from the run before (its own configuration), else from
// wrangler.toml. Pure; every mistake is a UsageError with the value and what it may be.
import type { Unstable_RawConfig } from 'wrangler';
import { ZodError } from 'zod';
import type { Filterable } from '../../wire/api/corpora.ts';
import { VECTORIZE_MAX_DIMENSIONS } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { UsageError } from '../../wire/usage.ts';
import { type Gateways, gatewaysOf, passedOver, vpcOf } from './gateways.ts';
import { type Property, wantedIndexes } from './metadata.ts';

/** Only what is read or changed here; the rest is carried as it is. */
export type RawConfig = Unstable_RawConfig;

export const EMBEDDERS = ['onnx', 'workers-ai', 'none'] as const;
export type EmbedderKind = (typeof EMBEDDERS)[number];

/** Dimensions of Workers AI's embedding models (its catalogue, 2026-11-27). */
const AI_DIMENSIONS: Readonly<Record<string, number>> = {
  '@cf/baai/bge-small-en-v1.5': 384,
  '@cf/baai/bge-base-en-v1.5': 768,
  '@cf/baai/bge-large-en-v1.5': 1024,
  '@cf/baai/bge-m3': 1024,
};
const DEFAULT_AI_MODEL = '@cf/baai/bge-base-en-v1.5';
const NAME = /^[a-z][a-z0-9-]{0,46}[a-z0-9]$/;

export interface Flags {
  readonly name?: string;
  readonly embedder?: string;
  readonly aiModel?: string;
  readonly dimensions?: number;
  /** One address, or `NAME=URL@REGION` each. */
  readonly gateway?: readonly string[];
  readonly gatewayVpc?: string;
  /** `NAME:TYPE` each. */
  readonly filterable?: Filterable;
  readonly domain?: string;
  readonly subdomain?: string;
}

export interface Names {
  readonly name: string;
  readonly index: string;
  readonly bucket: string;
  /** Titles of the KV namespaces, by their bindings. */
  readonly namespaces: Readonly<Record<NamespaceBinding, string>>;
}

export const NAMESPACES = ['KEYS', 'SELECTIONS'] as const;
export type NamespaceBinding = (typeof NAMESPACES)[number];

export interface Settings extends Names {
  readonly embedder: EmbedderKind;
  readonly aiModel?: string;
  readonly dimensions: number;
  readonly gateways: Gateways;
  /** The service of Workers VPC that leads to the gateway. */
  readonly vpc?: string;
  /** What stands in wrangler.toml and is not what is deployed, each a sentence. */
  readonly passedOver: readonly string[];
  /** FILTERABLE, and the indexes that it needs. */
  readonly filterable: string;
  readonly indexes: ReadonlyMap<string, Property>;
  /** A host of the account's own zone, in place of workers.dev. */
  readonly domain?: string;
  /** Of workers.dev, where the account has none yet. */
  readonly subdomain?: string;
  /** Ids of KV namespaces that wrangler.toml names already. */
  readonly ids: Partial<Readonly<Record<NamespaceBinding, string>>>;
}

/** What a deployment called `name` consists of; the one of wrangler.toml keeps the names there. */
export const namesOf = (name: string, toml: RawConfig): Names => {
  if (!NAME.test(name)) {
    throw new UsageError(`--name is '${name}', it must be 2 to 48 small letters, digits and dashes, from a letter on`);
  }
  const own = name === toml.name;
  return {
    name,
    index: (own ? toml.vectorize?.[0]?.index_name : undefined) ?? name,
    bucket: (own ? toml.r2_buckets?.[0]?.bucket_name : undefined) ?? `${name}-texts`,
    namespaces: { KEYS: `${name}-keys`, SELECTIONS: `${name}-selections` },
  };
};

/** Ids of KV namespaces that wrangler.toml names for its own deployment. */
export const idsOf = ({ name }: Pick<Names, 'name'>, toml: RawConfig): Settings['ids'] =>
  Object.fromEntries(
    (name === toml.name ? (toml.kv_namespaces ?? []) : []).flatMap(({ binding, id }) =>
      id === undefined ? [] : [[binding, id]],
    ),
  );

const filterableOf = (given: Filterable | undefined, before: unknown): string => {
  if (given === undefined || Object.keys(given).length === 0) return typeof before === 'string' ? before : '{}';
  return JSON.stringify(given);
};

const indexesOf = (filterable: string): ReadonlyMap<string, Property> => {
  try {
    return wantedIndexes(filterable);
  } catch (error) {
    const why = error instanceof ZodError ? error.issues.map((one) => one.message).join('; ') : messageOf(error);
    throw new UsageError(
      `--filterable is ${filterable}, it must name properties as NAME:string, NAME:number or NAME:boolean (${why})`,
    );
  }
};

const dimensionsOf = (embedder: EmbedderKind, given: number | undefined, model: string, bundled: number): number => {
  if (embedder === 'onnx') {
    if (given !== undefined && given !== bundled) {
      throw new UsageError(`--dimensions is ${given}, the bundled embedder makes vectors of ${bundled}`);
    }
    return bundled;
  }
  const dimensions = given ?? (embedder === 'workers-ai' ? AI_DIMENSIONS[model] : undefined);
  if (dimensions === undefined) {
    throw new UsageError(
      embedder === 'none'
        ? `--embedder none needs --dimensions, those of the vectors that callers send (1 to ${VECTORIZE_MAX_DIMENSIONS})`
        : `the dimensions of ${model} are not known here: give --dimensions (1 to ${VECTORIZE_MAX_DIMENSIONS})`,
    );
  }
  return dimensions;
};

export const settingsOf = (
  flags: Flags,
  toml: RawConfig,
  before: RawConfig | undefined,
  bundledDimensions: number,
): Settings => {
  const names = namesOf(flags.name ?? toml.name ?? 'sift-edge', toml);
  const vars: Readonly<Record<string, unknown>> = { ...toml.vars, ...before?.vars };
  const kind = flags.embedder ?? String(vars.EMBEDDER ?? 'onnx');
  const embedder = EMBEDDERS.find((one) => one === kind);
  if (embedder === undefined) throw new UsageError(`EMBEDDER is '${kind}', it must be one of ${EMBEDDERS.join(', ')}`);
  // what the run before said of another embedder says nothing of this one
  const same = kind === before?.vars?.EMBEDDER;
  const aiModel = flags.aiModel ?? (same && typeof vars.AI_MODEL === 'string' ? vars.AI_MODEL : DEFAULT_AI_MODEL);
  const known =
    same && flags.aiModel === undefined && vars.DIMENSIONS !== undefined ? Number(vars.DIMENSIONS) : undefined;
  const filterable = filterableOf(flags.filterable, vars.FILTERABLE);
  const vpc = vpcOf(flags.gatewayVpc, before);
  const gateways = gatewaysOf(flags.gateway, before?.vars, toml.vars, vpc);
  const route = before?.routes?.[0];
  // an empty one takes it away, as with --gateway
  const domain = (flags.domain ?? (typeof route === 'object' ? route.pattern : undefined)) || undefined;
  if (domain !== undefined && !/^[a-z0-9.-]+\.[a-z]{2,}$/i.test(domain)) {
    throw new UsageError(`--domain is '${domain}', it must be a host such as sift.example.com`);
  }
  return {
    ...names,
    embedder,
    ...(embedder === 'workers-ai' ? { aiModel } : {}),
    dimensions: dimensionsOf(embedder, flags.dimensions ?? known, aiModel, bundledDimensions),
    gateways,
    ...(vpc === undefined ? {} : { vpc }),
    passedOver: passedOver(toml.vars, flags, gateways, filterable),
    filterable,
    indexes: indexesOf(filterable),
    ...(domain === undefined ? {} : { domain }),
    ...(flags.subdomain === undefined ? {} : { subdomain: flags.subdomain }),
    ids: idsOf(names, toml),
  };
};
