// `sift-edge deploy`: an edge on Cloudflare from one command, safe to run again (docs/deploy.md).
import { VECTORIZE_MAX_DIMENSIONS } from '../../wire/limits.ts';
import type { Command } from './command.ts';
import { filterableOf, flag, number, given as only, text, texts } from './values.ts';

const EMBEDDERS = ['onnx', 'workers-ai', 'none'] as const;

export const deploy: Command = {
  name: 'deploy',
  summary: 'deploy the edge to Cloudflare, or repair and update a deployment',
  details:
    'Finds or makes the Vectorize index with its metadata indexes, the R2 bucket and the KV namespaces, uploads the Worker\n' +
    'with its secrets, and checks it with one selection. Logs in by CLOUDFLARE_API_TOKEN or `npx wrangler login`.\n' +
    'Settings that are not given stay those of the run before.',
  flags: [
    { flags: '--name <name>', summary: 'name of the deployment and of what it makes (default: that of wrangler.toml)' },
    { flags: '--account <id>', summary: 'the account (default: CLOUDFLARE_ACCOUNT_ID, or the only one)' },
    {
      flags: '--embedder <kind>',
      summary: 'what embeds texts: the bundled model, Workers AI, or callers',
      values: EMBEDDERS,
    },
    { flags: '--ai-model <model>', summary: 'the embedding model of Workers AI' },
    { flags: '--dimensions <count>', summary: 'dimensions of the vectors, where the embedder does not say' },
    {
      flags: '--gateway <url>',
      summary: 'the gateway, https://…; several: NAME=URL@REGION[,WEIGHT] each',
      many: true,
    },
    { flags: '--gateway-vpc <service>', summary: 'the service of Workers VPC that leads to the gateway' },
    {
      flags: '--filterable <name:type>',
      summary: 'a property that filters may name: lang, year:number, draft:boolean',
      many: true,
    },
    { flags: '--domain <host>', summary: 'a host of a zone of the account, in place of workers.dev' },
    { flags: '--subdomain <name>', summary: 'the workers.dev subdomain, where the account has none yet' },
    { flags: '--rotate-secrets', summary: 'replace API_KEY and GATEWAY_SECRET by new ones' },
    { flags: '--show-secrets', summary: 'new secrets are part of --json too' },
    { flags: '--docs', summary: 'make the pages of /docs/ anew, too (npm run docs)' },
    { flags: '--url <url>', summary: 'where the deployment is checked, if not at its own address' },
    { flags: '--key <key>', summary: 'a key for the check of a second run (better the variable SIFT_KEY)' },
    { flags: '--no-check', summary: 'deploy without asking it anything' },
    { flags: '--dry-run', summary: 'say every step, change nothing' },
  ],
  examples: [
    'sift-edge deploy --dry-run',
    'sift-edge deploy --gateway https://gateway.example.com',
    'sift-edge deploy --gateway eu=https://eu.example.com@weur --gateway us=https://us.example.com@enam',
    'sift-edge deploy --embedder workers-ai --name sift-small',
  ],
  async run({ console, values }) {
    const [{ deploy: deployed }, { ROOT, STATE }, shells, { loginOf, needLogin }, { settingsOf }, { givenSecrets }] =
      await Promise.all([
        import('../deploy/deploy.ts'),
        import('../places.ts'),
        import('../deploy/shell.ts'),
        import('../deploy/login.ts'),
        import('../deploy/settings.ts'),
        import('../deploy/secrets.ts'),
      ]);
    const { join } = await import('node:path');
    const place = { root: ROOT, directory: join(STATE, 'deploy') };
    const { env } = process;
    const brought = await givenSecrets(env);
    const toml = await shells.readToml(ROOT);
    const given = { name: text(values, 'name'), embedder: text(values, 'embedder'), aiModel: text(values, 'aiModel') };
    const name = given.name ?? toml.name ?? 'sift-edge';
    const flags = only({
      ...given,
      dimensions: number(values, 'dimensions', { least: 1, most: VECTORIZE_MAX_DIMENSIONS }),
      gateway: texts(values, 'gateway'),
      gatewayVpc: text(values, 'gatewayVpc'),
      filterable: filterableOf(texts(values, 'filterable')),
      domain: text(values, 'domain'),
      subdomain: text(values, 'subdomain'),
    });
    const before = await shells.readBefore(shells.configPathOf(place, name));
    const settings = settingsOf(flags, toml, before, await shells.bundledDimensions(ROOT));
    const dryRun = flag(values, 'dryRun');
    const wanted = { given: text(values, 'account'), before: before?.account_id ?? toml.account_id };
    const found = await loginOf(ROOT, env, wanted, console.signal);
    const login = dryRun ? found : needLogin(found);
    const deployment = {
      settings,
      toml,
      dryRun,
      rotateSecrets: flag(values, 'rotateSecrets'),
      showSecrets: flag(values, 'showSecrets'),
      check: values.check !== false,
      given: brought,
      ...only({ url: text(values, 'url'), key: text(values, 'key') ?? (env.SIFT_KEY || undefined) }),
    };
    const shell = shells.shellOf(place, settings.name, { env, signal: console.signal, docs: flag(values, 'docs') });
    return deployed(deployment, { shell, console, ...only({ login }) });
  },
};
