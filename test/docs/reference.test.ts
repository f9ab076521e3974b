// docs/reference/ is what the source says: after a change of limits, faults or variables run `node cli/reference.ts --write`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { VARIABLES } from '../../cli/environment.ts';
import { cell } from '../../cli/reference/cell.ts';
import { membersOf, varsOf } from '../../cli/reference/configuration.ts';
import { limitsOf } from '../../cli/reference/limits.ts';
import { currentText, PAGES } from '../../cli/reference/pages.ts';
import * as limits from '../../wire/limits.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('the pages of the reference', () => {
  it.each(PAGES.map((page) => [page.path, page] as const))('%s is current', async (path, page) => {
    expect(await currentText(path)).toBe(await page.text());
  });
});

describe('the page of limits', () => {
  const found = limitsOf(read('wire/limits.ts')).flatMap((section) => section.limits);

  it('has every constant that wire/limits.ts exports, once', () => {
    expect(found.flatMap(({ names }) => names).sort()).toEqual(Object.keys(limits).sort());
  });

  it('has a reason and a date for each of them', () => {
    expect(found.filter(({ text, date }) => text.length < 10 || date === undefined).map(({ names }) => names)).toEqual(
      [],
    );
  });

  it('keeps sections, their notes, and constants under one comment together', () => {
    const source = `// Not of a section.

// ── One (checked 2026-01-02) ──────
// What holds for all
// of it.
/** Bytes of a thing: it is small. */
export const A_BYTES = 4 * 1024;
// ── Two ──
/**
 * Milliseconds between two,
 * and those it takes. 2026-01-03
 */
export const B_MS = 5;
export const C_MS = 6; // as it was
`;
    expect(limitsOf(source)).toEqual([
      {
        title: 'One (checked 2026-01-02)',
        note: 'What holds for all of it.',
        limits: [{ names: ['A_BYTES'], text: 'Bytes of a thing: it is small.', date: '2026-01-02' }],
      },
      {
        title: 'Two',
        note: '',
        limits: [
          { names: ['B_MS', 'C_MS'], text: 'Milliseconds between two, and those it takes.', date: '2026-01-03' },
        ],
      },
    ]);
  });
});

describe('the page of the configuration', () => {
  it('has every member of Env', () => {
    const source = read('functions/env.ts');
    const declared = Array.from(source.matchAll(/^ {2}readonly (\w+)\??:/gm), ([, name]) => name);
    expect(membersOf(source).map(({ name }) => name)).toEqual(declared);
    expect(declared.length).toBeGreaterThan(20);
  });

  it.each(['wrangler.toml', 'wrangler.local.toml'])('has every variable that %s sets', (file) => {
    const members = new Set(membersOf(read('functions/env.ts')).map(({ name }) => name));
    const set = [...varsOf(read(file)).keys()];
    expect(set.length).toBeGreaterThan(5);
    expect(set.filter((name) => !members.has(name))).toEqual([]);
  });

  it('has every variable that a command reads from its environment, and no other', () => {
    const files = ['cli', 'local', 'gateway'].flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(ts|mjs)$/.test(name) && !/node_modules|environment\.ts/.test(name))
        .map((name) => read(join(room, name))),
    );
    const used = files.flatMap((text) =>
      Array.from(
        text.matchAll(/\b(?:env\.|sharedSecret\('|secretOf\(')((?:SIFT|GATEWAY|CLOUDFLARE|API|NO)_[A-Z_]+)/g),
        ([, name = '']) => name,
      ),
    );
    expect([...new Set(used)].sort()).toEqual(VARIABLES.map(({ name }) => name).sort());
  });
});

describe('text of the source in a table', () => {
  it('cannot end its cell or become markup, and names its constants as code', () => {
    expect(cell('a|b <c> *d* MAX_STEPS `X_Y|<z>` see docs/study/results.md')).toBe(
      'a\\|b &lt;c> \\*d\\* `MAX_STEPS` `X_Y\\|<z>` see [results.md](../study/results.md)',
    );
  });
});
