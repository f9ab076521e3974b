// compose.yaml: what may be reached from where, what is a secret, and that every name in it is one that the programs know.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseBackends } from '../../gateway/backends/file.ts';
import { SHUTDOWN_BACKEND_MS, TUNE_DEADLINE_MS } from '../../wire/limits.ts';
import { ROOT, read } from './dockerfile.ts';
import { FLAGS, flagsIn, keyVariables, secondsOf, VARIABLES } from './surface.ts';

interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks: readonly string[] | Readonly<Record<string, { readonly aliases: readonly string[] }>>;
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly build?: {
    readonly context: string;
    readonly dockerfile: string;
    readonly args?: Readonly<Record<string, string>>;
  };
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly deploy: {
    readonly resources: { readonly limits: object; readonly reservations?: { readonly devices: readonly object[] } };
  };
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: object;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}
const text = read('deploy/compose.yaml');
const compose: Compose = parse(text, { merge: true });
const services = Object.entries(compose.services);
const networksOf = ({ networks }: Service): string[] =>
  Array.isArray(networks) ? [...networks] : Object.keys(networks as object);
const isGateway = (name: string): boolean => name.startsWith('gateway');
const isGpu = (name: string): boolean => name.startsWith('gpu');

describe('compose.yaml', () => {
  it('publishes nothing but on loopback, and of the GPU server nothing at all', () => {
    for (const [name, { ports = [] }] of services) {
      for (const port of ports) expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)]);
    }
    for (const [name, service] of services.filter(([of]) => isGpu(of))) {
      expect([name, service.ports, networksOf(service)]).toEqual([name, undefined, ['backend']]);
    }
    expect(compose.networks.backend?.internal).toBe(true);
    expect(text).not.toMatch(/network_mode|privileged|docker\.sock/);
  });

  it('every service is without rights, read only, limited, and looked after', () => {
    for (const [name, service] of services) {
      expect([name, service.read_only, service.cap_drop]).toEqual([name, true, ['ALL']]);
      expect(service.security_opt).toContain('no-new-privileges:true');
      expect(service.deploy.resources.limits).toMatchObject({ cpus: expect.anything(), memory: expect.anything() });
      expect(service.image, name).toMatch(/:(\d+\.|v\d+\.|\$\{SIFT_VERSION:-\d)/);
      // ours have one in the image
      expect(service.healthcheck !== undefined || service.build !== undefined, name).toBe(true);
    }
  });

  it('names only networks, volumes, secrets and files that are there', () => {
    for (const [name, service] of services) {
      for (const network of networksOf(service)) expect(Object.keys(compose.networks), name).toContain(network);
      for (const secret of service.secrets ?? []) expect(Object.keys(compose.secrets), name).toContain(secret);
      for (const volume of service.volumes ?? []) {
        const source = volume.replace(/^\$\{\w+:-([^}]*)\}/, '$1').split(':')[0] ?? '';
        if (source.startsWith('.')) expect(existsSync(join(ROOT, 'deploy', source)), source).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
      if (service.build !== undefined) expect(existsSync(join(ROOT, service.build.dockerfile))).toBe(true);
    }
  });

  it('every secret in a variable is a file, and is given to the service that reads it', () => {
    const given = services.flatMap(([name, { environment = {}, secrets = [] }]) =>
      Object.entries(environment).flatMap(([variable, value]) =>
        String(value).startsWith('/run/secrets/') ? [{ name, variable, secret: String(value).slice(13), secrets }] : [],
      ),
    );
    expect(given.length).toBeGreaterThan(5);
    for (const { name, variable, secret, secrets } of given) {
      expect([name, variable, secrets]).toEqual([
        name,
        expect.stringMatching(/_FILE$/),
        expect.arrayContaining([secret]),
      ]);
    }
  });

  it('flags and variables are those that the programs know', () => {
    const keys = keyVariables(read('deploy/backends.json'));
    for (const [name, { command = [], environment = {} }] of services) {
      const program = isGateway(name) ? 'gateway' : isGpu(name) ? 'gpu' : undefined;
      if (program === undefined) continue;
      for (const flag of flagsIn(command)) expect([...FLAGS[program]], name).toContain(flag);
      const known = new Set([...VARIABLES[program], ...keys.map((key) => `${key}_FILE`)]);
      for (const variable of Object.keys(environment)) expect([...known], name).toContain(variable);
    }
  });

  it('waits longer for the end of a service than that takes, and drains for longer than a request may last', () => {
    for (const [name, { command = [], stop_grace_period = '' }] of services) {
      const program = isGateway(name) ? '--drain' : isGpu(name) ? '--drain-seconds' : undefined;
      if (program === undefined) continue;
      const drain = secondsOf(command, program);
      expect(drain).toBeGreaterThan(TUNE_DEADLINE_MS / 1000);
      expect(Number(stop_grace_period.replace('s', ''))).toBeGreaterThan(drain + SHUTDOWN_BACKEND_MS / 1000);
    }
  });

  it('each profile has one gateway, under one name, and the file of backends names a server of it', () => {
    const { gpu } = parseBackends(read('deploy/backends.json'), 'deploy/backends.json');
    for (const profile of ['gpu', 'gpu-on-cpu', 'cpu']) {
      const active = services.filter(([, { profiles }]) => profiles === undefined || profiles.includes(profile));
      const names = active.flatMap(([name, { networks }]) => [
        name,
        ...(Array.isArray(networks)
          ? []
          : Object.values(networks).flatMap((network) => (network as { aliases: string[] }).aliases)),
      ]);
      expect(names).toContain('gateway');
      expect(active.filter(([name]) => isGateway(name)).length).toBe(1);
      expect(active.filter(([name]) => isGpu(name)).length).toBe(profile === 'cpu' ? 0 : 1);
      if (profile !== 'cpu') for (const { url } of gpu?.servers ?? []) expect(names).toContain(url.hostname);
    }
    const gpuCommand = compose.services.gpu?.command ?? [];
    const served = gpuCommand[gpuCommand.indexOf('--model') + 1]?.split('=')[0];
    expect(gpu?.models.map(({ name, serverName = name }) => serverName)).toEqual([served]);
    expect(compose.services.gpu?.deploy.resources.reservations?.devices).toEqual([
      { driver: 'nvidia', count: 1, capabilities: ['gpu'] },
    ]);
  });

  it('.env.example names every variable, with the default that stands here', () => {
    const defaults = new Map(
      [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map(([, name = '', value = '']) => [name, value]),
    );
    const example = new Map(
      [...read('deploy/.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
    expect(Object.fromEntries(example)).toEqual(Object.fromEntries(defaults));
  });

  it('is understood by docker compose where that is installed', ({ skip }) => {
    const there = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' });
    if (there.error !== undefined || there.status !== 0) {
      process.stderr.write('skipped: docker compose config (docker compose is not installed)\n');
      return skip();
    }
    const { status, stderr } = spawnSync(
      'docker',
      ['compose', '-f', 'deploy/compose.yaml', '--profile', '*', 'config', '--quiet'],
      {
        cwd: ROOT,
        encoding: 'utf8',
      },
    );
    expect([status, stderr]).toEqual([0, '']);
  });
});

const readdirOrNone = (path: string): string[] =>
  statSync(path).isDirectory() ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [];

describe('deploy/secrets.sh', () => {
  it('lets containers read the configuration of a clone that was made under a strict umask', ({ skip }) => {
    if (spawnSync('openssl', ['version']).error !== undefined) return skip();
    const below = mkdtempSync(join(tmpdir(), 'sift-umask-'));
    try {
      const mounted = Object.values(compose.services)
        .flatMap(({ volumes = [] }) => volumes)
        .map((volume) => volume.split(':')[0] ?? '')
        .filter((path) => path.startsWith('./'));
      expect(mounted.length).toBeGreaterThan(3);
      cpSync(join(ROOT, 'deploy'), below, { recursive: true });
      spawnSync('chmod', ['-R', 'go=', below]);
      expect(spawnSync('sh', ['secrets.sh'], { cwd: below }).status).toBe(0);
      for (const path of mounted) {
        const all = [path, ...readdirOrNone(join(below, path)).map((name) => `${path}/${name}`)];
        for (const one of all) {
          const { mode } = statSync(join(below, one));
          expect([one, mode & 0o004]).toEqual([one, 0o004]);
        }
      }
    } finally {
      rmSync(below, { recursive: true });
    }
  });

  it('makes what compose.yaml reads, keeps what is there, and lets nobody else into the directory', ({ skip }) => {
    if (spawnSync('openssl', ['version']).error !== undefined) {
      process.stderr.write('skipped: deploy/secrets.sh (openssl is not installed)\n');
      return skip();
    }
    const below = mkdtempSync(join(tmpdir(), 'sift-secrets-'));
    try {
      cpSync(join(ROOT, 'deploy/secrets.sh'), join(below, 'secrets.sh'));
      const run = () => spawnSync('sh', ['secrets.sh'], { cwd: below, encoding: 'utf8' });
      const first = run();
      expect([first.status, first.stderr]).toEqual([0, '']);
      const wanted = Object.values(compose.secrets).map(({ file }) => file.replace('./secrets/', ''));
      expect(readdirSync(join(below, 'secrets')).sort()).toEqual(wanted.sort());
      expect(statSync(join(below, 'secrets')).mode & 0o777).toBe(0o700);
      const secret = () => readFileSync(join(below, 'secrets/gateway_secret'), 'utf8');
      const before = secret();
      expect(before).toMatch(/^[0-9a-f]{64}$/);
      expect(first.stdout).not.toContain(before);
      expect(run().status).toBe(0);
      expect(secret()).toBe(before);
    } finally {
      rmSync(below, { recursive: true, force: true });
    }
  });

  it('writes where git does not look', () => {
    const ignored = read('deploy/.gitignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.env', 'secrets/']));
  });
});
