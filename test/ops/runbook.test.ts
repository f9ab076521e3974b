// The guide and the runbook name only codes, flags and files that are there, and the runbook has the headings that alerts point to.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, read } from './dockerfile.ts';
import { FLAGS, VARIABLES } from './surface.ts';

const operate = read('docs/operate.md');
const guide = read('docs/gateway-production.md');
const spans = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);

describe('the runbook', () => {
  const incidents = operate.slice(operate.indexOf('## Incidents'));

  it('has the ten most likely incidents, and something to do for each', () => {
    const parts = incidents.split('\n### ').slice(1);
    expect(parts.length).toBeGreaterThanOrEqual(10);
    for (const part of parts)
      expect(part.split('\n').slice(1).join(' ').length, part.slice(0, 40)).toBeGreaterThan(200);
  });

  it('names only error codes that an answer can have', () => {
    const source = read('wire/faults.ts') + read('wire/api/error.ts');
    const codes = spans(incidents).filter(
      (span) => /^[a-z]+(_[a-z]+)+$/.test(span) && !/^(sift_|max_tokens|request_id)/.test(span),
    );
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !new RegExp(`['"]${code}['"]`).test(source))).toEqual([]);
  });
});

describe.each([
  ['docs/operate.md', operate.slice(operate.indexOf('## Metrics of the gateway'))],
  ['docs/gateway-production.md', guide],
])('%s', (_, text) => {
  it('names only flags that something takes', () => {
    const others = new Set([
      '--time',
      '--profile',
      '--detach',
      '--build',
      '--force-recreate',
      '--data-binary',
      '--quick',
      '--corpus',
      '--grace',
      '--now',
    ]);
    const vpc = new Set(
      [...text.matchAll(/wrangler vpc service create[^`]*/g)].flatMap(([command]) => command.match(/--[a-z-]+/g) ?? []),
    );
    const flags = [...text.matchAll(/(?<![\w-])(--[a-z][a-z-]+)/g)].map(([, flag = '']) => flag);
    expect(flags.length).toBeGreaterThan(5);
    const unknown = flags.filter(
      (flag) => !Object.values(FLAGS).some((some) => some.has(flag)) && !others.has(flag) && !vpc.has(flag),
    );
    expect(unknown.filter((flag) => !/^--(from-file|create)/.test(flag))).toEqual([]);
  });

  it('names only files and variables that are there', () => {
    const paths = spans(text).filter(
      (span) => /^(deploy|test|gateway|wire)\/[\w./-]+$/.test(span) && span !== 'deploy/secrets',
    );
    for (const path of paths) expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
    const keys = read('deploy/backends.json').match(/"keyEnv": "(\w+)"/)?.[1];
    const env = read('functions/env.ts') + read('deploy/.env.example');
    const variables = spans(text).filter((span) => /^(GATEWAY|SIFT|GPU)_[A-Z_]+$/.test(span));
    expect(variables.length).toBeGreaterThan(2);
    for (const name of variables) {
      const known =
        VARIABLES.gateway.has(name) ||
        VARIABLES.gpu.has(name) ||
        name === `${keys}_FILE` ||
        new RegExp(`\\b${name}\\b`).test(env);
      expect([name, known]).toEqual([name, true]);
    }
  });

  it('links to pages and headings that are there', () => {
    for (const [, page = ''] of text.matchAll(/\]\(([\w-]+\.md)[^)]*\)/g))
      expect([page, existsSync(join(ROOT, 'docs', page))]).toEqual([page, true]);
  });
});
