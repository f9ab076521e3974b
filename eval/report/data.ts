// The figures as numbers, one JSON file each, for whoever wants to draw them otherwise.
import type { StudyFigures, StudyRuns } from '../figures/study.ts';
import { keyOf } from '../run/tasks.ts';

/** Bits per byte of every run that the main tables are of. */
const scoresByPrompt = ({ plan, ledger }: StudyRuns) =>
  plan
    .filter(({ question }) => question === 'main' || question === 'other score')
    .flatMap(({ arm, task }) => {
      const row = ledger.get(keyOf(task));
      return row === undefined
        ? []
        : [{ arm, scored: task.scored, prompt: row.prompt, domain: row.domain, bpb: row.scores }];
    });

export const dataOf = (runs: StudyRuns, { main, farStops, rates, copies, why }: StudyFigures) => ({
  main: { cells: main.cells, prompts: scoresByPrompt(runs) },
  rates,
  surrogate: runs.surrogate,
  why,
  prediction: { ...main.prediction, points: undefined },
  stopping: [...main.stops, farStops].map(({ most, among, rules }) => ({ most, runs: among.length, rules })),
  copies,
  split: runs.split,
});
