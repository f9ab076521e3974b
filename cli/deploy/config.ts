// The configuration that a deployment writes for itself: wrangler.toml with the ids, names and variables of this deployment.
// The tracked file stays as it is; this one lies in the state directory, and `wrangler tail -c FILE` works with it too. Pure.
import { LEAN_ALIAS } from '../../local/bundle.ts';
import { gatewayVars, vpcBindings } from './gateways.ts';
import type { NamespaceBinding, RawConfig, Settings } from './settings.ts';

export interface Made {
  readonly accountId: string;
  readonly namespaces: Readonly<Record<NamespaceBinding, string>>;
}

/** A number of its own for each deployment of an account, so that they do not count each other's requests. */
const rateLimitOf = (name: string): string => {
  let hash = 0;
  for (const letter of name) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0;
  return String(10_000 + (hash % 1_000_000));
};

/** `root` is the repository as seen from where the file will lie: wrangler reads paths from there. */
export const configOf = (settings: Settings, toml: RawConfig, made: Made, root: string): RawConfig => {
  const { name, embedder, aiModel, dimensions, domain, vpc } = settings;
  const lean = embedder !== 'onnx';
  // the pages and the kernel are built before wrangler runs, under the Node that runs this
  const { build: _build, limits, ai: _ai, vars, alias, ...rest } = toml;
  const { DIMENSIONS: _dimensions, AI_MODEL: _model, GATEWAYS: _gateways, ...kept } = vars ?? {};
  return {
    ...rest,
    name,
    account_id: made.accountId,
    main: `${root}/${toml.main}`,
    minify: true,
    // more processor time than the free plan has is for the bundled embedder alone
    ...(lean || limits === undefined ? {} : { limits }),
    ...(lean
      ? { alias: Object.fromEntries(Object.entries(LEAN_ALIAS).map(([from, to]) => [from, `${root}/${to}`])) }
      : alias === undefined
        ? {}
        : { alias }),
    ...(domain === undefined
      ? { workers_dev: true }
      : { workers_dev: false, routes: [{ pattern: domain, custom_domain: true }] }),
    ...(toml.assets === undefined ? {} : { assets: { ...toml.assets, directory: `${root}/${toml.assets.directory}` } }),
    ...(embedder === 'workers-ai' ? { ai: { binding: 'AI' } } : {}),
    vars: {
      ...kept,
      EMBEDDER: embedder,
      ...gatewayVars(settings.gateways),
      FILTERABLE: settings.filterable,
      ...(aiModel === undefined ? {} : { AI_MODEL: aiModel }),
      ...(lean ? { DIMENSIONS: String(dimensions) } : {}),
    },
    ...(vpc === undefined ? {} : { vpc_services: vpcBindings(vpc, toml.vpc_services) }),
    vectorize: [{ binding: 'VECTORIZE', index_name: settings.index }],
    r2_buckets: [{ binding: 'TEXTS', bucket_name: settings.bucket }],
    kv_namespaces: Object.entries(made.namespaces).map(([binding, id]) => ({ binding, id })),
    ...(name === toml.name || toml.ratelimits === undefined
      ? {}
      : { ratelimits: toml.ratelimits.map((one) => ({ ...one, namespace_id: rateLimitOf(name) })) }),
  };
};
