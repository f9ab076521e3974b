// Writes the results: figures as JSON and pictures into a directory, and the page docs/study.md, which begins with what a
// person concluded (eval/findings.md).
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Analysis } from './analysis.ts';
import { draw } from './draw.ts';
import { method, THREATS } from './method.ts';
import { markdownOf } from './render.ts';
import { SECTIONS, type Section } from './sections.ts';

/** study.json holds the tables as text; the other files hold the figures as numbers. */
export const writeResults = async (analysis: Analysis, directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const study = { ...analysis.about, targets: analysis.targets, tables: analysis.tables };
  await writeFile(join(directory, 'study.json'), `${JSON.stringify(study, null, 1)}\n`);
  for (const [name, value] of Object.entries(analysis.data)) {
    // these are long: one line each
    if (value !== undefined) await writeFile(join(directory, `${name}.json`), `${JSON.stringify(value)}\n`);
  }
  await draw(analysis.pictures, directory);
};

const INTRO =
  '# The quality study\n\nDoes test-time fine-tuning on SIFT’s picks beat nearest neighbours here, and when should it stop? Written by ' +
  '`npm run eval`, which goes on where it was interrupted and rewrites this page. Raw figures and pictures are in `eval/results/`.\n\n';

/** A section with its tables and pictures; undefined where no table has a row. */
const sectionOf = (analysis: Analysis, images: string, section: Section): string | undefined => {
  const tables = section.tables
    .flatMap((id) => analysis.tables.find((table) => table.id === id) ?? [])
    .filter(({ rows }) => rows.length > 0);
  if (tables.length === 0) return undefined;
  const pictures = section.pictures
    .flatMap((id) => analysis.pictures.find((picture) => picture.id === id) ?? [])
    .map(({ id, title }) => `![${title}](${images}/${id}.svg)`);
  const text = section.text === '' ? [] : [section.text];
  return [`## ${section.title}`, ...text, ...pictures, ...tables.map(markdownOf)].join('\n\n');
};

export const writeStudy = async (
  analysis: Analysis,
  results: string,
  file: string,
  findingsFile: string,
): Promise<void> => {
  const images = relative(dirname(file), results).replaceAll('\\', '/');
  const sections = SECTIONS.flatMap((section) => sectionOf(analysis, images, section) ?? []);
  const findings = existsSync(findingsFile) ? `${readFileSync(findingsFile, 'utf8').trim()}\n\n` : '';
  const state = `${analysis.about.done} of ${analysis.about.planned} tuning runs are done.\n\n`;
  const targets = `## What was aimed at\n\n${markdownOf(analysis.targets)}\n`;
  await writeFile(
    file,
    `${INTRO}${findings}${state}${targets}\n${method(analysis.about)}\n${sections.join('\n\n')}\n\n${THREATS}`,
  );
};
