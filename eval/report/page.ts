// The page docs/study/results.md as text. All of it but the conclusions comes from eval/results/study.json, so that the page can be
// written again when only words change; the conclusions are a person's (eval/findings.md).
import type { About } from './about.ts';
import type { Table } from './format.ts';
import { method, THREATS } from './method.ts';
import { markdownOf } from './render.ts';
import { SECTIONS, type Section } from './sections.ts';
import type { Picture } from './style.ts';

/** What study.json holds. */
export interface StudyJson extends About {
  readonly targets: Table;
  readonly tables: readonly Table[];
  readonly pictures: readonly Pick<Picture, 'id' | 'title'>[];
}

const INTRO =
  '# The quality study\n\nDoes test-time fine-tuning on SIFT’s picks beat nearest neighbours here, and when should it stop? This page is written by ' +
  '`npm run eval`, which continues where it was interrupted. Raw figures and pictures are in `eval/results/`. N is the number of gradient steps, and σ² the posterior variance of the prompt: the uncertainty that SIFT lowers. Bits per byte measure how well the model predicts a text; lower is better.\n\n';

/** A section with its tables and pictures; undefined where no table has a row. */
const sectionOf = ({ tables, pictures }: StudyJson, images: string, section: Section): string | undefined => {
  const shown = section.tables
    .flatMap((id) => tables.find((table) => table.id === id) ?? [])
    .filter(({ rows }) => rows.length > 0);
  if (shown.length === 0) return undefined;
  const drawn = section.pictures
    .flatMap((id) => pictures.find((picture) => picture.id === id) ?? [])
    .map(({ id, title }) => `![${title}](${images}/${id}.svg)`);
  const text = section.text === '' ? [] : [section.text];
  return [`## ${section.title}`, ...text, ...drawn, ...shown.map(markdownOf)].join('\n\n');
};

/** `images`: the pictures' directory as seen from the page. */
export const pageOf = (study: StudyJson, images: string, findings: string): string => {
  const sections = SECTIONS.flatMap((section) => sectionOf(study, images, section) ?? []);
  const conclusions = findings.trim() === '' ? '' : `${findings.trim()}\n\n`;
  const state = `${study.done} of ${study.planned} tuning runs are done.\n\n`;
  const targets = `## Targets and results\n\n${markdownOf(study.targets)}\n`;
  return `${INTRO}${conclusions}${state}${targets}\n${method(study)}\n${sections.join('\n\n')}\n\n${THREATS}`;
};
