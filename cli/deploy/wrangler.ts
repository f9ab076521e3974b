// wrangler as a process: it bundles and uploads the Worker, and knows the login of `wrangler login`.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { DEPLOY_UPLOAD_MS } from '../../wire/limits.ts';
import { CommandError, EXIT } from '../exit.ts';
import { INSTALLED, ROOT } from '../places.ts';
import { CloudflareError } from './api.ts';

/** The file that runs it. It comes with a clone alone: a package that only serves and asks should not bring 200 MB more. */
export const wranglerBin = (resolve: (name: string) => string = createRequire(import.meta.url).resolve): string => {
  try {
    return join(dirname(resolve('wrangler/package.json')), 'bin/wrangler.js');
  } catch (error) {
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      devDependencies: { wrangler: string };
    };
    const how = INSTALLED ? `npm i wrangler@${devDependencies.wrangler}` : 'npm ci, without --omit=dev';
    throw new CommandError(
      `this needs wrangler, Cloudflare's own tool, which is not installed: ${how}, then the same again`,
      EXIT.failed,
      error,
    );
  }
};

export type Environment = Readonly<Record<string, string | undefined>>;

interface Ended {
  readonly code: number;
  readonly out: string;
  /** Both streams as they came. */
  readonly all: string;
}

export const runNode = (args: readonly string[], cwd: string, env: Environment, signal: AbortSignal): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], signal });
    let [out, all] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
      all += chunk;
    });
    child.stderr.on('data', (chunk) => {
      all += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, out, all }));
  });

/** No question is asked, nothing about this machine is sent, no colours come. */
const quiet = (env: Environment): Environment => ({
  ...env,
  CI: '1',
  NO_COLOR: '1',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_LOG_SANITIZE: 'true',
});

/** What proves who asks: the environment's token, or the login that wrangler keeps. */
export const loginHeaders = async (
  cwd: string,
  env: Environment,
  signal: AbortSignal,
): Promise<Record<string, string> | undefined> => {
  const token = env.CLOUDFLARE_API_TOKEN;
  if (token !== undefined && token !== '') return { authorization: `Bearer ${token}` };
  const { code, out } = await runNode([wranglerBin(), 'auth', 'token', '--json'], cwd, quiet(env), signal);
  if (code !== 0) return undefined;
  const said = JSON.parse(out.slice(out.indexOf('{'))) as Record<string, string>;
  if (said.type === 'api_key') return { 'x-auth-key': said.key ?? '', 'x-auth-email': said.email ?? '' };
  return said.token === undefined ? undefined : { authorization: `Bearer ${said.token}` };
};

/** The last answer of Cloudflare's that was no success, as wrangler's own log has it. */
const lastRefusal = (log: string): number | undefined => {
  const statuses = Array.from(log.matchAll(/CF API RESPONSE:.* (\d{3})$/gm), ([, status]) => Number(status));
  return statuses.findLast((status) => status >= 400 && status !== 404);
};

/** What wrangler printed about its failure, shortened, as an error with Cloudflare's codes. */
const failureOf = (printed: string, log: string): Error => {
  const all = stripVTControlCharacters(printed);
  const codes = Array.from(all.matchAll(/\[code: (\d+)\]/g), ([, code]) => Number(code));
  const lines = all
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('🪵') && !/Logs were written|telemetry/i.test(line));
  const from = lines.findIndex((line) => /\[ERROR\]|✘/.test(line));
  const message = `wrangler: ${lines.slice(from < 0 ? -8 : from, from < 0 ? undefined : from + 8).join(' ')}`;
  const away = /fetch failed|ECONNRE|ETIMEDOUT|socket|other side closed|timed? ?out/i.test(message);
  if (codes.length === 0 && !away) return new CommandError(message, EXIT.failed);
  return new CloudflareError(message, away ? undefined : (lastRefusal(log) ?? 400), codes);
};

/**
 * Uploads the Worker of a configuration, with secrets from a file in the same upload; answers where it is reached. wrangler
 * itself waits for an answer for ever.
 */
export const deployWorker = async (
  config: string,
  secretsFile: string | undefined,
  cwd: string,
  env: Environment,
  signal: AbortSignal,
  mostMs = DEPLOY_UPLOAD_MS,
): Promise<readonly string[]> => {
  const late = AbortSignal.timeout(mostMs);
  const directory = await mkdtemp(join(tmpdir(), 'sift-wrangler-'));
  try {
    const [report, log] = [join(directory, 'report.ndjson'), join(directory, 'wrangler.log')];
    const secrets = secretsFile === undefined ? [] : ['--secrets-file', secretsFile];
    const { code, all } = await runNode(
      [wranglerBin(), 'deploy', '-c', config, ...secrets],
      cwd,
      { ...quiet(env), WRANGLER_OUTPUT_FILE_PATH: report, WRANGLER_LOG_PATH: log },
      AbortSignal.any([signal, late]),
    ).catch((error: unknown) => {
      if (!late.aborted || signal.aborted) throw error;
      throw new CommandError(`wrangler has not ended the upload within ${mostMs / 1000} s`, EXIT.tryAgain, error);
    });
    if (code !== 0) throw failureOf(all, await readFile(log, 'utf8').catch(() => ''));
    const lines = (await readFile(report, 'utf8').catch(() => '')).trim().split('\n');
    const deployed = lines
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { type?: string; targets?: string[] })
      .find(({ type }) => type === 'deploy');
    return (deployed?.targets ?? []).map((target) =>
      /^https?:/.test(target) ? target : `https://${target.split(' ')[0]}`,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
