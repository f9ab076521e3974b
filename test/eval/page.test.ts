// docs/study/results.md is what the report writes from eval/results/study.json and eval/findings.md: nobody edits it by hand.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pageOf, type StudyJson } from '../../eval/report/page.ts';
import { SECTIONS } from '../../eval/report/sections.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const study = JSON.parse(read('eval/results/study.json')) as StudyJson;

describe('docs/study/results.md', () => {
  it('is the page of the committed results; after a change of words run `node eval/index.ts --page`', () => {
    expect(read('docs/study/results.md')).toBe(pageOf(study, '../../eval/results', read('eval/findings.md')));
  });

  it('has every table and picture of a section in the committed results', () => {
    const tables = new Set(study.tables.map(({ id }) => id));
    const pictures = new Set(study.pictures.map(({ id }) => id));
    for (const section of SECTIONS) {
      expect(section.tables.filter((id) => !tables.has(id))).toEqual([]);
      expect(section.pictures.filter((id) => !pictures.has(id))).toEqual([]);
    }
  });

  it('shows every table of the results', () => {
    const shown = new Set(SECTIONS.flatMap(({ tables }) => tables));
    expect(study.tables.map(({ id }) => id).filter((id) => !shown.has(id))).toEqual([]);
  });
});

describe('a page without results yet', () => {
  it('leaves out sections without a row', () => {
    const empty = { ...study, tables: study.tables.map((table) => ({ ...table, rows: [] })) };
    const page = pageOf(empty, 'results', '');
    for (const { title } of SECTIONS) expect(page).not.toContain(`## ${title}`);
    expect(page).toContain('## Method');
    expect(page).not.toContain('## What was found');
  });
});
