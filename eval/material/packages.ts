// Documents of the packages that npm installed: the study's default, which needs nothing else. A file's domain is told by
// its name; licences, change logs, tests, minified and generated files are left out.
import { relative } from 'node:path';
import { UsageError } from '../../cli/arguments.ts';
import { LATER_PACKAGES } from '../../corpus/later.ts';
import { messageOf } from '../../wire/message.ts';
import { filesBelow, readText } from './files.ts';
import { isReadable, type Source, withinPackages } from './sources.ts';

/** Characters of one package and domain. */
const MOST_OF_PACKAGE = 200_000;

const NOTICE = /(licen[sc]e|changelog|history|notice|conduct|security|copying)[^/]*$/i;

/** Domain of a file of a package; undefined: of none. */
export const domainOf = (path: string): string | undefined => {
  if (NOTICE.test(path) || /\.(min|generated|bundle)\./.test(path)) return undefined;
  if (/\.md$/i.test(path)) return 'markdown';
  if (/\.d\.[mc]?ts$/.test(path)) return 'declarations';
  if (/\.[mc]?ts$/.test(path)) return 'typescript';
  if (/\.[mc]?js$/.test(path)) return 'javascript';
  if (/\.[ch]$/.test(path)) return 'c';
  return undefined;
};

/** CommonJS, and files for one module system: forms of files that the package also has for another. */
const isForm = (path: string): boolean => /(^|\/)(cjs|dist-cjs|umd)\//.test(path) || /\.([mc]ts|cjs)$/.test(path);

/**
 * Passed over: tests, platform packages of binaries other than Node's (their text is in other packages too), and headers
 * of libraries that the bundled model was trained on.
 */
const isPassedOver = (path: string): boolean =>
  /\/(test|tests|node_modules)$/.test(path) ||
  /\/include\/node\/(openssl|uv|zlib|zconf)\b/.test(path) ||
  /node_modules\/(@[^/]+\/)?(?!node-)[^/]*(linux|darwin|win32|windows|freebsd|wasm32)[-\w]*$/.test(path);

/** The npm package of a path below node_modules. */
const packageOf = (path: string): string => path.split('/', path.startsWith('@') ? 2 : 1).join('/');

/** Documents of the packages in a node_modules directory. */
export const packageSources = async (nodeModules: string): Promise<Source[]> => {
  const paths = await filesBelow(nodeModules, isPassedOver).catch((error: unknown) => {
    throw new UsageError(`${nodeModules} cannot be read: ${messageOf(error)}`);
  });
  const sources: Source[] = [];
  for (const path of paths) {
    const short = relative(nodeModules, path).replaceAll('\\', '/');
    const domain = LATER_PACKAGES.has(packageOf(short)) ? undefined : domainOf(short);
    const text = domain === undefined ? undefined : await readText(path);
    if (domain === undefined || text === undefined || !isReadable(text)) continue;
    sources.push({ domain, group: packageOf(short), path: short, text, ...(isForm(short) ? { form: true } : {}) });
  }
  return withinPackages(sources, MOST_OF_PACKAGE);
};
