// The units: hardened, patient at the end, with flags and variables that the programs know; and systemd's own eyes on them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read } from './dockerfile.ts';
import { FLAGS, flagsIn, secondsOf, VARIABLES } from './surface.ts';

const UNITS = ['gateway', 'gpu'] as const;
type Unit = (typeof UNITS)[number];
const pathOf = (unit: Unit): string => `deploy/systemd/sift-${unit}.service`;

/** The lines `Name=value` of a unit; a name may come several times. */
const settingsOf = (text: string): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, string[]>();
  for (const [, name = '', value = ''] of text.matchAll(/^(\w+)=(.*)$/gm))
    found.set(name, [...(found.get(name) ?? []), value]);
  return found;
};

describe.each(UNITS)('sift-%s.service', (unit) => {
  const settings = settingsOf(read(pathOf(unit)));
  const one = (name: string): string => settings.get(name)?.[0] ?? '';
  const words = one('ExecStart').split(' ');

  it.each([
    ['DynamicUser', 'yes'],
    ['NoNewPrivileges', 'yes'],
    ['ProtectSystem', 'strict'],
    ['ProtectHome', 'yes'],
    ['PrivateTmp', 'yes'],
    ['CapabilityBoundingSet', ''],
    ['RestrictNamespaces', 'yes'],
    ['SystemCallFilter', '@system-service'],
    ['Restart', 'on-failure'],
    // a signal to the workers would end the requests that are to be drained
    ['KillMode', 'mixed'],
  ])('%s is %s', (name, value) => {
    expect(settings.has(name)).toBe(true);
    expect(one(name)).toBe(value);
  });

  it('listens on loopback alone, with flags that the program knows', () => {
    expect(words[words.indexOf('--host') + 1]).toBe('127.0.0.1');
    for (const flag of flagsIn(words)) expect([...FLAGS[unit]]).toContain(flag);
  });

  it('waits longer than the program drains', () => {
    const drain = secondsOf(words, unit === 'gateway' ? '--drain' : '--drain-seconds');
    expect(drain).toBeGreaterThan(120);
    expect(Number(one('TimeoutStopSec'))).toBeGreaterThanOrEqual(drain + 20);
  });

  it('hands secrets on as credentials, in variables that the program reads', () => {
    const credentials = (settings.get('LoadCredential') ?? []).map((line) => line.split(':')[0]);
    const files = (settings.get('Environment') ?? []).filter((line) => line.includes('_FILE='));
    expect(files.length).toBeGreaterThan(0);
    for (const line of files) {
      const [variable = '', file = ''] = line.split('=');
      expect(credentials).toContain(file.replace('%d/', ''));
      if (variable !== 'GPU_KEY_FILE') expect([...VARIABLES[unit]]).toContain(variable);
    }
    expect(read(pathOf(unit))).not.toMatch(/SECRET=|KEYS?=[^%]/);
  });
});

it('systemd finds nothing wrong with them, and little exposed', ({ skip }) => {
  const version = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
  if (version.error !== undefined || version.status !== 0) {
    process.stderr.write('skipped: systemd-analyze verify (systemd is not installed)\n');
    return skip();
  }
  const below = mkdtempSync(join(tmpdir(), 'sift-units-'));
  try {
    const files = UNITS.map((unit) => {
      // programs and directories as they lie on a server are not here
      const text = read(pathOf(unit))
        .replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
        .replace(/^WorkingDirectory=.*$/m, 'WorkingDirectory=/')
        .replace('After=network-online.target sift-gpu.service', 'After=network-online.target');
      const file = join(below, `sift-${unit}.service`);
      writeFileSync(file, text);
      return file;
    });
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
    const ours = verified.stderr.split('\n').filter((line) => line.includes('sift-'));
    expect([verified.status, ours]).toEqual([0, []]);
    if (Number(/\d+/.exec(version.stdout)?.[0]) < 250) return; // no --offline
    for (const file of files) {
      const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
        encoding: 'utf8',
      });
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
      expect(exposure).toBeLessThan(3);
    }
  } finally {
    rmSync(below, { recursive: true, force: true });
  }
});
