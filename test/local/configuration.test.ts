// One configuration in three places: what npm start gives workerd (local/edge.ts), what `wrangler dev` reads
// (wrangler.local.toml, local/vectorize/wrangler.toml) and what is deployed (wrangler.toml). Compared field by field.
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { edgeWorkers } from '../../local/edge.ts';
import { COMPATIBILITY_DATE, type WorkerOptions } from '../../local/workerd.ts';
import embedder from '../../models/embedder/config.json' with { type: 'json' };
import { TENANT_REQUESTS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';

/** The part of a configuration that is compared. */
interface Config {
  readonly name: string;
  readonly main: string;
  readonly compatibility_date: string;
  readonly compatibility_flags: readonly string[];
  readonly services?: readonly { binding: string; service: string }[];
  readonly assets?: { readonly directory: string; readonly binding: string; readonly run_worker_first: boolean };
  readonly kv_namespaces: readonly { binding: string; id?: string }[];
  readonly r2_buckets: readonly { binding: string; bucket_name: string }[];
  readonly durable_objects: { readonly bindings: readonly { name: string; class_name: string }[] };
  readonly migrations: readonly { new_sqlite_classes?: readonly string[] }[];
  readonly rules: readonly { type: string; globs: readonly string[]; fallthrough?: boolean }[];
  readonly vectorize: readonly { binding: string }[];
  readonly ratelimits: readonly { name: string; simple: { limit: number; period: number } }[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly build: unknown;
}

const read = (name: string): Config =>
  unstable_readConfig({ config: fileURLToPath(new URL(`../../${name}`, import.meta.url)) }, { hideWarnings: true });

const production = read('wrangler.toml');
const local = read('wrangler.local.toml');
const vectorizeLocal = read('local/vectorize/wrangler.toml');
const workers = edgeWorkers(
  { edge: {}, vectorize: {} },
  {
    root: '/',
    state: '/',
    port: 0,
    embedder: { dimensions: embedder.dimensions },
    apiKey: 'key',
    gatewayUrl: String(local.vars.GATEWAY_URL),
    gatewaySecret: 'secret',
    defaultCorpus: String(local.vars.DEFAULT_CORPUS),
  },
  'front secret',
);
const [edge, vectorize] = [at(workers, 0), at(workers, 1)];

/** Given apart from a configuration's vars: secrets, and the front's, which `wrangler dev` has none of. */
const SECRETS = ['API_KEY', 'GATEWAY_SECRET', 'FRONT_SECRET'];

/** Bindings as a toml file names them, as Miniflare is given them. */
const bindingsOf = (config: Config): Record<string, object> =>
  Object.fromEntries([
    ...(config.services ?? []).map(({ binding, service }) => [binding, { type: 'worker', worker: service }]),
    ...(config.assets === undefined ? [] : [[config.assets.binding, { type: 'assets' }] as const]),
    ...config.kv_namespaces.map(({ binding, id }) => [binding, { type: 'kv', id }]),
    ...config.r2_buckets.map(({ binding, bucket_name }) => [binding, { type: 'r2', name: bucket_name }]),
    ...config.durable_objects.bindings.map(({ name, class_name }) => [
      name,
      { type: 'durable-object', worker: config.name, exportName: class_name },
    ]),
  ]);
const classesOf = (config: Config): string[] =>
  config.migrations.flatMap((step) => [...(step.new_sqlite_classes ?? [])]).sort();
const rulesOf = (config: Config) => config.rules.map(({ type, globs, fallthrough }) => ({ type, globs, fallthrough }));

describe.each<[string, WorkerOptions, Config]>([
  ['sift-edge', edge, local],
  ['vectorize-local', vectorize, vectorizeLocal],
])('%s runs under npm start as its toml file says', (name, worker, config) => {
  it('by name, date and flags', () => {
    expect([worker.name, config.name]).toEqual([name, name]);
    expect(config.compatibility_date).toBe(COMPATIBILITY_DATE);
    expect([...(worker.compatibilityFlags ?? [])].sort()).toEqual([...config.compatibility_flags].sort());
  });

  it('with the same bindings and Durable Object classes', () => {
    expect(worker.bindings).toEqual(bindingsOf(config));
    expect([...(worker.objects ?? [])].sort()).toEqual(classesOf(config));
  });

  it('with the same vars', () => {
    const vars = Object.fromEntries(Object.entries(worker.vars ?? {}).filter(([key]) => !SECRETS.includes(key)));
    expect(vars).toEqual(config.vars);
  });
});

describe('what is deployed', () => {
  it('is of the same date, flags, Durable Object classes, rules and entry as what runs here', () => {
    expect(production.compatibility_date).toBe(COMPATIBILITY_DATE);
    expect(production.compatibility_flags).toEqual(local.compatibility_flags);
    expect(classesOf(production)).toEqual(classesOf(local));
    expect(production.durable_objects).toEqual(local.durable_objects);
    expect(rulesOf(production)).toEqual(rulesOf(local));
    expect(production.main).toBe(local.main);
    expect(production.build).toEqual(local.build);
  });

  it('limits the requests of a tenant as callers are told', () => {
    const { limit, windowS } = TENANT_REQUESTS;
    expect(production.ratelimits).toMatchObject([{ name: 'RATE_LIMIT', simple: { limit, period: windowS } }]);
  });

  it('has every binding and var that the local edge has', () => {
    const names = (config: Config): string[] => [...Object.keys(bindingsOf(config)), ...Object.keys(config.vars)];
    const deployed = [...names(production), ...production.vectorize.map(({ binding }) => binding)];
    expect(deployed).toEqual(expect.arrayContaining(names(local)));
    expect(production.vars.EMBEDDER).toBe(local.vars.EMBEDDER);
    // what filters use is written in wrangler.toml's first comment as commands, and here as a var
    expect(vectorizeLocal.vars.DIMENSIONS).toBe(String(embedder.dimensions));
  });
});
