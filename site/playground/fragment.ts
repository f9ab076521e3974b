// What the address holds after its '#', which no browser sends anywhere: a view that can be passed on, and, from the
// terminal of `npm start`, a key, which is taken out of it at once.
import { DEFAULTS, SETTINGS, type Settings, withinRange } from './settings.ts';

export interface View extends Settings {
  readonly corpus: string;
  readonly prompt: string;
  /** A stored selection. */
  readonly selection: string;
}

export interface Opened {
  readonly view: View;
  readonly key: string | undefined;
}

/** Anything may be typed there: what cannot be read is as if it were absent. */
export const readFragment = (fragment: string): Opened => {
  const given = new URLSearchParams(fragment.replace(/^#/, ''));
  const settings = Object.fromEntries(
    SETTINGS.map((setting) => {
      const { name, log } = setting;
      const value = Number(given.get(name) || Number.NaN);
      if (!Number.isFinite(value)) return [name, DEFAULTS[name]];
      const bounded = withinRange(setting, value);
      return [name, log ? bounded : Math.round(bounded)];
    }),
  ) as unknown as Settings;
  return {
    view: {
      ...settings,
      corpus: given.get('corpus') ?? '',
      prompt: given.get('prompt') ?? '',
      selection: given.get('s') ?? '',
    },
    key: given.get('key') || undefined,
  };
};

/** Without a key, ever; what is at its default is left out. */
export const fragmentOf = (view: View): string => {
  const fields = new URLSearchParams();
  if (view.selection !== '') fields.set('s', view.selection);
  if (view.corpus !== '') fields.set('corpus', view.corpus);
  if (view.prompt !== '') fields.set('prompt', view.prompt);
  for (const { name } of SETTINGS) if (view[name] !== DEFAULTS[name]) fields.set(name, String(view[name]));
  return fields.size === 0 ? '' : `#${fields}`;
};
