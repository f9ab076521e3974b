// The browser for the tests that want one: CHROMIUM, or one that is installed. A machine without skips those tests and says
// so in a line.
import { spawnSync } from 'node:child_process';
import { chromium as playwright } from 'playwright-core';

const INSTALLED = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A Chromium's executable; undefined, with the reason on stderr, where there is none. */
export const chromium = (part: string): string | undefined => {
  const named = process.env.CHROMIUM;
  const places = named === undefined ? [...INSTALLED, playwright.executablePath()] : [named];
  // asked, not looked for: Ubuntu's package is a script that says to install another one
  const found = places.find((path) => path !== '' && spawnSync(path, ['--version']).status === 0);
  if (found !== undefined) return found;
  const why = named === undefined ? 'no Chromium here' : `CHROMIUM is ${named}, which does not run`;
  process.stderr.write(`skipped: ${part} (${why}); CHROMIUM may name one\n`);
  return undefined;
};
