// The machine that a deployment runs on: wrangler, the build, and the files of the deployment in the state directory.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../wire/message.ts';
import { MachineError, UsageError } from '../../wire/usage.ts';
import { CommandError } from '../exit.ts';
import type { Shell } from './deploy.ts';
import { dropSecrets, keepSecrets, pendingSecrets } from './secrets.ts';
import type { RawConfig } from './settings.ts';
import { deployWorker, type Environment, runNode, wranglerBin } from './wrangler.ts';

export interface Place {
  /** The repository. */
  readonly root: string;
  /** Where deployments keep their configurations. */
  readonly directory: string;
}

export const configPathOf = ({ directory }: Place, name: string): string => join(directory, `${name}.json`);
const secretsPathOf = ({ directory }: Place, name: string): string => join(directory, `${name}.secrets.json`);

/** wrangler.toml as it is written. */
export const readToml = async (root: string): Promise<RawConfig> => {
  wranglerBin();
  const { experimental_readRawConfig } = await import('wrangler');
  return experimental_readRawConfig({ config: join(root, 'wrangler.toml') }).rawConfig;
};

/** The configuration of the run before; undefined where there is none. */
export const readBefore = async (path: string): Promise<RawConfig | undefined> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as RawConfig;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    // passed over, it would make what is there a second time, or forget gateways
    throw new MachineError(
      `${path} cannot be read (${messageOf(error)}): mend it, or delete it and give all options again`,
    );
  }
};

export const bundledDimensions = async (root: string): Promise<number> =>
  z.object({ dimensions: z.int() }).parse(JSON.parse(await readFile(join(root, 'models/embedder/config.json'), 'utf8')))
    .dimensions;

export interface ShellOptions {
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Makes the pages of /docs/ too, which takes VitePress. */
  readonly docs: boolean;
}

export const shellOf = (place: Place, name: string, { env, signal, docs }: ShellOptions): Shell => {
  const { root, directory } = place;
  const configPath = configPathOf(place, name);
  const secretsPath = secretsPathOf(place, name);
  return {
    configPath,
    secretsPath,
    root: relative(directory, root).split(sep).join('/'),
    async build() {
      const manual = 'site/manual/build.ts';
      // a package as npm has it brings the documentation as text alone
      const mayHave = existsSync(join(root, manual));
      if (docs && !mayHave) throw new UsageError('--docs needs a clone of the repository');
      for (const script of ['assembly/build.ts', docs ? manual : 'site/build.ts']) {
        const { code, all } = await runNode([join(root, script)], root, env, signal);
        if (code !== 0) throw new CommandError(`node ${script} failed: ${all.trim().slice(-500)}`);
      }
      if (existsSync(join(root, 'build/site/docs/index.html'))) return undefined;
      return mayHave ? 'without /docs/, which --docs makes' : 'without /docs/';
    },
    async writeConfig(config) {
      await mkdir(dirname(configPath), { recursive: true });
      await writeFile(configPath, `${JSON.stringify(config, null, 2)}\n`);
    },
    upload: (account, secrets) =>
      deployWorker(
        configPath,
        secrets ? secretsPath : undefined,
        root,
        { ...env, CLOUDFLARE_ACCOUNT_ID: account },
        signal,
      ),
    pending: () => pendingSecrets(secretsPath),
    keep: (secrets) => keepSecrets(secretsPath, secrets),
    drop: () => dropSecrets(secretsPath),
  };
};

export const forget = async (place: Place, name: string): Promise<void> => {
  await rm(configPathOf(place, name), { force: true });
  await dropSecrets(secretsPathOf(place, name));
};
