// How much of the study is run: all of it, or what `--quick` looks at.
import type { Scored } from '../material/setting.ts';
import { ARMS, SIFT } from './arms.ts';

export interface Profile {
  /** Prompts of a domain: for the tables, and for choosing learning rates. */
  readonly study: number;
  readonly tuning: number;
  /** A domain with fewer documents is left out. */
  readonly least: number;
  /** How many of a domain's first prompts get all arms and long runs, and how many get the side questions. */
  readonly far: number;
  readonly side: number;
  /** Steps of the main arms. */
  readonly steps: number;
  readonly arms: readonly string[];
  /** Whether side questions are run. */
  readonly sides: boolean;
  /** What the main table and the side questions score. */
  readonly scored: Scored;
}

export const QUICK: Profile = {
  study: 8,
  tuning: 0,
  least: 6,
  far: 0,
  side: 0,
  steps: 10,
  arms: ['nn', SIFT],
  sides: false,
  scored: 'prompt',
};

export const FULL: Profile = {
  study: 30,
  tuning: 4,
  least: 20,
  far: 3,
  side: 5,
  steps: 50,
  arms: Object.keys(ARMS),
  sides: true,
  scored: 'prompt',
};
