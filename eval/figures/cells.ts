// The cells of the main table and of its curves: every arm after every number of steps.
import { COUNTS } from '../run/grid.ts';
import { type Arms, armNames, type Cell, cell } from './arms.ts';

/** HullFT's arms, one for each N, are shown as one. */
const shownAs = (arm: string): string => arm.replace(/ N=.*/, '');

export const mainCells = (arms: Arms): Cell[] =>
  armNames(arms).flatMap((arm) =>
    COUNTS.flatMap((n) => {
      if (arm.includes(' N=') && !arm.endsWith(` N=${n}`)) return [];
      const found = cell(arms, arm, n);
      return found === undefined ? [] : [{ ...found, arm: shownAs(arm) }];
    }),
  );

/** An arm with fewer prompts is left out while others have more. */
export const FEWEST = 10;

/** The arms on the prompts that all of them have, so that their curves compare. */
export const onCommonPrompts = (arms: Arms): Arms => {
  const begun = Array.from(arms).filter(
    ([arm, rows]) => rows.size >= FEWEST || arm === 'base' || arms.get('nn')?.size === rows.size,
  );
  const whole = begun.filter(([arm]) => !arm.includes(' N='));
  const common = (id: string): boolean => whole.every(([, rows]) => rows.has(id));
  return new Map(begun.map(([arm, rows]) => [arm, new Map(Array.from(rows).filter(([id]) => common(id)))]));
};
