// The report as data: what the figures are of, targets, tables, pictures, and the figures as numbers.
import { type StudyRuns, studyFigures } from '../figures/study.ts';
import { type About, aboutOf } from './about.ts';
import { dataOf } from './data.ts';
import type { Table } from './format.ts';
import { picturesOf } from './gallery.ts';
import type { Picture } from './style.ts';
import { tablesOf } from './tables.ts';
import { targetsOf } from './targets.ts';

export interface Analysis {
  readonly about: About;
  readonly targets: Table;
  readonly tables: readonly Table[];
  readonly pictures: readonly Picture[];
  /** By the name of the file that they are written to. */
  readonly data: Readonly<Record<string, unknown>>;
}

export const analyse = (runs: StudyRuns): Analysis => {
  const figures = studyFigures(runs);
  return {
    about: aboutOf(runs),
    targets: targetsOf(figures.main, figures.other, figures.copies),
    tables: tablesOf(runs, figures),
    pictures: picturesOf(figures),
    data: dataOf(runs, figures),
  };
};
