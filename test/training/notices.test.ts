// THIRD_PARTY_NOTICES names what the Worker's bundle and the models are made of today.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('THIRD_PARTY_NOTICES is what training/notices.mjs writes', { timeout: 60_000 }, () => {
  const { status, stderr } = spawnSync(process.execPath, ['training/notices.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

it('names every licence of the training text', () => {
  const notices = readFileSync(new URL('../../THIRD_PARTY_NOTICES', import.meta.url), 'utf8');
  const rows = readFileSync(new URL('../../training/provenance.tsv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  const licences = new Set(
    rows.map((row) => row.split('\t')).flatMap(([, , , licence, , split]) => (split === 'heldout' ? [] : [licence])),
  );
  expect(licences.size).toBeGreaterThan(10);
  for (const licence of licences) expect(notices).toContain(`\n${licence} `);
});
