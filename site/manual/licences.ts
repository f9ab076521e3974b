// The licences of what the built pages hold of other people's code, as a text beside them: they ask to be passed on.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The directory of the package that a module is of; undefined: it is of none. */
export const packageOf = (moduleId: string): string | undefined =>
  /^.*\/node_modules\/(?:@[^/]+\/)?[^/@]+(?=\/)/.exec(moduleId.replaceAll('\\', '/').replace(/^\0/, ''))?.[0];

/** Name, version and licence of each, with its text. Throws where a package brings none. */
export const licencesText = async (directories: Iterable<string>): Promise<string> => {
  const parts = await Promise.all(
    [...new Set(directories)].sort().map(async (directory) => {
      const { name, version, license } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
      const file = (await readdir(directory)).find((one) => /^licen[cs]e(\.\w+)?$/i.test(one));
      if (file === undefined && license !== 'MIT')
        throw new Error(`${name} ${version} (${license}) brings no licence text`);
      const text = file === undefined ? '' : await readFile(join(directory, file), 'utf8');
      return `${name} ${version}, ${license}\n\n${text.trim()}`.trim();
    }),
  );
  return `These pages hold code of:\n\n${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
};
