// The line for a terminal that makes the selection of this view. It holds no key: the command finds it in SIFT_KEY, or, of
// the edge that `npm start` runs on the same machine, by itself.
import type { View } from './fragment.ts';
import { DEFAULTS, SETTINGS } from './settings.ts';

/** A word as any POSIX shell reads it back, whatever it holds. */
const quoted = (word: string): string => (/^[\w.:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

export const commandLine = (view: View, origin: string): string => {
  const words = [
    ...['--server', origin, '--corpus', view.corpus, '--n', String(view.n)],
    ...SETTINGS.filter(({ name }) => name !== 'n' && view[name] !== DEFAULTS[name]).flatMap(({ name }) => [
      `--${name}`,
      String(view[name]),
    ]),
    // what begins with a dash would be read as a flag
    ...(view.prompt.startsWith('-') ? ['--'] : []),
    view.prompt,
  ];
  return `npx sift-edge select ${words.map(quoted).join(' ')}`;
};
