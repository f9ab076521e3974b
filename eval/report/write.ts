// Writes the results: figures as JSON and pictures into a directory, and the page docs/study/results.md.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { messageOf } from '../../wire/message.ts';
import type { Analysis } from './analysis.ts';
import { pageOf, type StudyJson } from './page.ts';

const studyOf = ({ about, targets, tables, pictures }: Analysis): StudyJson => ({
  ...about,
  targets,
  tables,
  pictures: pictures.map(({ id, title }) => ({ id, title })),
});

/** study.json holds the tables as text; the other files hold the figures as numbers. */
export const writeResults = async (analysis: Analysis, directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'study.json'), `${JSON.stringify(studyOf(analysis), null, 1)}\n`);
  for (const [name, value] of Object.entries(analysis.data)) {
    // these are long: one line each
    if (value !== undefined) await writeFile(join(directory, `${name}.json`), `${JSON.stringify(value)}\n`);
  }
  // an installed package has no means to draw: its figures are the same
  const drawing = await import('./draw.ts').catch((error: unknown) => messageOf(error));
  if (typeof drawing === 'string') process.stderr.write(`the pictures are left out: ${drawing}\n`);
  else await drawing.draw(analysis.pictures, directory);
};

/** The page from the results directory's study.json, and the conclusions in front where there are any. */
export const writePage = async (results: string, file: string, findingsFile: string): Promise<void> => {
  const study = JSON.parse(await readFile(join(results, 'study.json'), 'utf8')) as StudyJson; // written above
  const findings = existsSync(findingsFile) ? readFileSync(findingsFile, 'utf8') : '';
  await writeFile(file, pageOf(study, relative(dirname(file), results).replaceAll('\\', '/'), findings));
};
