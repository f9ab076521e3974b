// What can be set of a selection, each with one line that says what it does, and its range on a slider.
import {
  DEFAULT_DEGREE,
  DEFAULT_LAMBDA,
  DEFAULT_PICKS,
  DEFAULT_ROUNDS,
  MAX_DEGREE,
  MAX_ROUNDS,
} from '../../wire/limits.ts';

export interface Settings {
  readonly n: number;
  readonly lambda: number;
  readonly degree: number;
  readonly rounds: number;
}
export type SettingName = keyof Settings;

export interface Setting {
  readonly name: SettingName;
  readonly label: string;
  readonly says: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** The slider moves the decimal logarithm. */
  readonly log?: true;
}

export const DEFAULTS: Settings = {
  n: DEFAULT_PICKS,
  lambda: DEFAULT_LAMBDA,
  degree: DEFAULT_DEGREE,
  rounds: DEFAULT_ROUNDS,
};

export const SETTINGS: readonly Setting[] = [
  {
    name: 'n',
    label: 'Picks (n)',
    says: 'How many examples are chosen; a tuned answer makes one gradient step on each.',
    min: 1,
    max: 30,
    step: 1,
  },
  {
    name: 'lambda',
    label: 'Noise (λ)',
    says: 'How little one example is trusted: high keeps to what is similar, low avoids every repetition.',
    min: -3,
    max: 1,
    step: 0.05,
    log: true,
  },
  {
    name: 'degree',
    label: 'Degree',
    says: 'What counts as redundant: at 1 whatever is moderately alike, at 6 near copies alone.',
    min: 1,
    max: MAX_DEGREE,
    step: 1,
  },
  {
    name: 'rounds',
    label: 'Rounds',
    says: 'How often the corpus is asked, each time for what the picks so far leave unexplained.',
    min: 1,
    max: MAX_ROUNDS,
    step: 1,
  },
];

/** Two figures are as many as a slider's place can mean. */
export const valueAt = ({ log }: Setting, place: number): number =>
  log === true ? Number((10 ** place).toPrecision(2)) : place;

export const placeOf = ({ log }: Setting, value: number): number => (log === true ? Math.log10(value) : value);

/** A value that a slider cannot show is moved to its nearest end. */
export const withinRange = (setting: Setting, value: number): number =>
  Math.min(valueAt(setting, setting.max), Math.max(valueAt(setting, setting.min), value));
