// The proxy configurations of docs/gateway-production.md, run as they stand there but for address and certificate: signed requests
// come through unchanged, events at once, and nothing but /v1/. Skipped, with a line, where the proxy is not installed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { gatewayModels, gatewayTune } from '../../functions/upstream/client.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { MAX_DEADLINE_MS, MAX_TUNE_BODY_BYTES } from '../../wire/limits.ts';
import { tuneRequest } from '../../wire/tune/requests.ts';
import { fakeBackend } from '../gateway/fake-backend.ts';
import { read } from './dockerfile.ts';

const SECRET = 'a secret of some length';
const snippet = (language: string): string => {
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(read('docs/gateway-production.md'))?.[1];
  if (found === undefined) throw new Error(`no ${language} in the page`);
  return found;
};

let ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
};

/** Each proxy's command for the page's configuration with these ports. */
const PROXIES: Readonly<Record<string, (below: string, port: number, gateway: number) => readonly string[]>> = {
  nginx: (below, port, gateway) => {
    const server = snippet('nginx')
      .replace('listen 443 ssl;', `listen 127.0.0.1:${port};`)
      .replace(/^ *(http2|ssl_certificate|ssl_certificate_key)\b.*\n/gm, '')
      .replace('127.0.0.1:8788', `127.0.0.1:${gateway}`);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${below}/${name};`,
    );
    writeFileSync(
      join(below, 'nginx.conf'),
      `daemon off;\nworker_processes 1;\npid ${below}/pid;\nerror_log stderr;\nevents {}\nhttp { access_log off; ${paths.join(' ')}\n${server}}\n`,
    );
    return ['nginx', '-c', join(below, 'nginx.conf'), '-p', below, '-e', 'stderr'];
  },
  caddy: (below, port, gateway) => {
    const site = snippet('caddyfile')
      .replace('gateway.example.com', `http://127.0.0.1:${port}`)
      .replace('127.0.0.1:8788', `127.0.0.1:${gateway}`);
    writeFileSync(join(below, 'Caddyfile'), `{\n  admin off\n  auto_https off\n  grace_period 1s\n}\n${site}`);
    return ['caddy', 'run', '--config', join(below, 'Caddyfile'), '--adapter', 'caddyfile'];
  },
};

const answers = async (url: string): Promise<void> => {
  for (let tries = 0; tries < 300; tries++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${url} never answered`);
};

describe.each(Object.entries(PROXIES))('%s', (name, commandOf) => {
  it('carries signed requests and their events at once, and lets nothing but /v1/ in', async ({ skip }) => {
    if (spawnSync(name, ['-v']).error !== undefined) {
      process.stderr.write(`skipped: ${name} before the gateway (it is not installed)\n`);
      return skip();
    }
    const backend = fakeBackend();
    const gateway: RunningGateway = await serveGateway({ registry: registryOf(backend), secret: SECRET, port: 0 });
    ends.push(() => gateway.close(0));
    const below = mkdtempSync(join(tmpdir(), `sift-${name}-`));
    ends.push(() => rmSync(below, { recursive: true, force: true }));
    const port = await freePort();
    const [program = '', ...args] = commandOf(below, port, Number(new URL(gateway.url).port));
    const proxy: ChildProcess = spawn(program, args, {
      stdio: 'ignore',
      env: { PATH: process.env.PATH, HOME: below, XDG_DATA_HOME: below, XDG_CONFIG_HOME: below },
    });
    ends.push(async () => {
      if (proxy.exitCode !== null) return;
      const closed = once(proxy, 'exit');
      // not SIGKILL: nginx' workers would outlive it
      proxy.kill('SIGTERM');
      await closed;
    });
    const url = `http://127.0.0.1:${port}`;
    await answers(url);
    const through = { GATEWAY_URL: url, GATEWAY_SECRET: SECRET };
    const signal = AbortSignal.timeout(20_000);
    expect((await gatewayModels(through, signal)).length).toBe(1);
    for (const path of ['/metrics', '/health', '/ready', '/']) {
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
    }
    // a body of a megabyte, more than proxies take by default; the work stands still before its answer
    const picks = Array.from({ length: 8 }, (_, i) => ({ id: `${i}`, text: 'long '.repeat(45_000) }));
    const generation = backend.pauseAt('generate');
    const body = tuneRequest.parse({ model: 'base', prompt: 'Say', picks, stream: true });
    const events = await gatewayTune(through, body, signal);
    const first = await events.next();
    expect(first.value).toMatchObject({ event: 'step' });
    generation.release();
    expect((await Array.fromAsync(events)).at(-1)).toMatchObject({ event: 'done' });
  }, 40_000);
});

it('the proxies’ limits are those of the gateway', () => {
  expect(MAX_TUNE_BODY_BYTES).toBe(16 * 1024 * 1024);
  expect(snippet('nginx')).toContain('client_max_body_size 16m;');
  expect(snippet('caddyfile')).toContain('max_size 16MiB');
  expect(Number(/proxy_read_timeout (\d+)s/.exec(snippet('nginx'))?.[1]) * 1000).toBeGreaterThan(MAX_DEADLINE_MS);
  expect(Number(/response_header_timeout (\d+)s/.exec(snippet('caddyfile'))?.[1]) * 1000).toBeGreaterThan(
    MAX_DEADLINE_MS,
  );
});
