// A deployment in a test: the commands' own code against the scripted Cloudflare, with wrangler's upload as one request.
// Where a deployed Worker is asked something, it is a local edge.
import { setTimeout as pause } from 'node:timers/promises';
import type { Console } from '../../cli/commands/command.ts';
import { findAccount } from '../../cli/deploy/account.ts';
import { cloudflare } from '../../cli/deploy/api.ts';
import { type Deployment, deploy, type Shell } from '../../cli/deploy/deploy.ts';
import { destroy } from '../../cli/deploy/destroy.ts';
import type { Secrets } from '../../cli/deploy/secrets.ts';
import { namesOf, type RawConfig, settingsOf } from '../../cli/deploy/settings.ts';
import { CommandError, endOf } from '../../cli/exit.ts';
import { ACCOUNT, type Cloudflare, TOKEN } from './cloudflare.ts';

export const TOML: RawConfig = {
  name: 'sift-edge',
  main: 'functions/index.ts',
  compatibility_date: '2026-10-01',
  limits: { cpu_ms: 300_000 },
  build: { command: 'node assembly/build.ts' },
  vars: { EMBEDDER: 'onnx', GATEWAY_URL: 'https://gateway.example.com', FILTERABLE: '{"lang":"string"}' },
  assets: { directory: 'build/site', binding: 'ASSETS' },
  vectorize: [{ binding: 'VECTORIZE', index_name: 'sift' }],
  r2_buckets: [{ binding: 'TEXTS', bucket_name: 'sift-texts' }],
  kv_namespaces: [{ binding: 'KEYS' }, { binding: 'SELECTIONS' }],
  ratelimits: [{ name: 'RATE_LIMIT', namespace_id: '1001', simple: { limit: 600, period: 60 } }],
};
export const DIMENSIONS = 256;

/** What a deployment leaves on this machine between two runs. */
export interface Disk {
  config?: RawConfig;
  secrets: Secrets;
}

export interface Heard {
  readonly console: Console;
  readonly out: string[];
  readonly notes: string[];
  readonly events: Record<string, unknown>[];
}

export const listen = (json = false): Heard => {
  const heard = { out: [] as string[], notes: [] as string[], events: [] as Record<string, unknown>[] };
  return {
    ...heard,
    console: {
      ...{ json, interactive: false, colour: false, signal: new AbortController().signal },
      say: (...lines) => {
        if (!json) heard.out.push(...lines);
      },
      write: () => {},
      emit: (value) => {
        if (json) heard.events.push(value as Record<string, unknown>);
      },
      note: (...lines) => heard.notes.push(...lines),
    },
  };
};

export const apiOf = ({ url }: Cloudflare, token = TOKEN, waits: number[] = [], answerMs = 5_000) =>
  cloudflare({
    baseUrl: url,
    headers: { authorization: `Bearer ${token}` },
    signal: new AbortController().signal,
    answerMs,
    wait: async (ms) => {
      waits.push(ms);
      await pause(1);
    },
  });

/** Uploads as wrangler does: the configuration's bindings, the secrets, and what is kept of those before. */
const uploadTo = async (api: ReturnType<typeof apiOf>, disk: Disk, secrets: boolean): Promise<readonly string[]> => {
  const { config } = disk;
  if (config === undefined) throw new Error('nothing was configured');
  const bindings = [
    ...Object.entries(config.vars ?? {}).map(([name, text]) => ({ type: 'plain_text', name, text })),
    ...(config.kv_namespaces ?? []).map(({ binding: name, id }) => ({ type: 'kv_namespace', name, namespace_id: id })),
    ...(config.vectorize ?? []).map(({ binding: name, index_name }) => ({ type: 'vectorize', name, index_name })),
    ...(config.r2_buckets ?? []).map(({ binding: name, bucket_name }) => ({ type: 'r2_bucket', name, bucket_name })),
    { type: 'durable_object_namespace', name: 'CATALOGUE', class_name: 'Catalogue' },
    ...(secrets ? Object.entries(disk.secrets).map(([name, text]) => ({ type: 'secret_text', name, text })) : []),
  ];
  await api('PUT', `/accounts/${ACCOUNT}/workers/scripts/${config.name}`, { bindings, keep_bindings: ['secret_text'] });
  return [`https://${config.name}.test.workers.dev`];
};

export interface Run extends Heard {
  readonly code: number;
  readonly error: string | undefined;
}

export interface RunOptions extends Partial<Omit<Deployment, 'settings' | 'toml'>> {
  readonly flags?: Parameters<typeof settingsOf>[0];
  readonly account?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly answerMs?: number;
}

const ended = async (heard: Heard, work: () => Promise<number>): Promise<Run> => {
  try {
    return { ...heard, code: await work(), error: undefined };
  } catch (error) {
    const { message, code } = endOf(error);
    return { ...heard, code, error: error instanceof CommandError ? message : `${message}` };
  }
};

export const runDeploy = (
  cf: Cloudflare,
  disk: Disk,
  { flags = {}, account, token, json = false, answerMs, ...more }: RunOptions = {},
): Promise<Run> => {
  const heard = listen(json);
  return ended(heard, async () => {
    const api = apiOf(cf, token, [], answerMs);
    const shell: Shell = {
      ...{ configPath: 'CONFIG', secretsPath: 'SECRETS', root: '../..' },
      build: async () => undefined,
      writeConfig: async (config) => {
        disk.config = config;
      },
      upload: (_, secrets) => uploadTo(api, disk, secrets),
      pending: async () => disk.secrets,
      keep: async (secrets) => {
        disk.secrets = secrets;
      },
      drop: async () => {
        disk.secrets = {};
      },
    };
    const deployment: Deployment = {
      ...{ dryRun: false, rotateSecrets: false, check: false, showSecrets: false, given: {} },
      timing: { lookMs: 1, listedMs: 500 },
      ...more,
      settings: settingsOf(flags, TOML, disk.config, DIMENSIONS),
      toml: TOML,
    };
    return deploy(deployment, {
      login: { api, account: await findAccount(api, account) },
      shell,
      console: heard.console,
    });
  });
};

export const runDestroy = (
  cf: Cloudflare,
  {
    name,
    typed = name ?? 'sift-edge',
    dryRun = false,
    forget = () => {},
  }: { name?: string; typed?: string | null; dryRun?: boolean; forget?: () => void } = {},
): Promise<Run> => {
  const heard = listen();
  return ended(heard, () =>
    destroy(
      {
        ...{ api: apiOf(cf), account: ACCOUNT, names: namesOf(name ?? 'sift-edge', TOML), ids: {}, dryRun },
        confirm: async () => typed ?? undefined,
        forget: async () => forget(),
      },
      heard.console,
    ),
  );
};
