// Node runs TypeScript by leaving out its types, but not below node_modules, where an installed sift-edge lies. This does the
// same there, for this package alone, with Node's own means. It comes by NODE_OPTIONS (bin.mjs), so that worker threads and
// child processes have it too, whatever they are started with.
// In place of JavaScript made before packing: the package is the tree of the repository, and every path in it stays right.
// Trade-off: a thousand lines take a millisecond or so at every start, as in a clone.
import { readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = `${pathToFileURL(dirname(dirname(fileURLToPath(import.meta.url)))).href}/`;
const { registerHooks, stripTypeScriptTypes } = nodeModule;

/** Node says on stderr that this is experimental, once a process. */
const quietly = (work) => {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
};

/** `miniflare` of `miniflare/sub/path`, `@scope/name` of `@scope/name/sub`. */
const packageOf = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** What only the local server needs is optional, and npm leaves an optional package out without a word. */
const leftOut = (specifier, cause) => {
  if (cause.code !== 'ERR_MODULE_NOT_FOUND') return cause;
  const { optionalDependencies, devDependencies } = JSON.parse(readFileSync(new URL('package.json', here), 'utf8'));
  const name = packageOf(specifier);
  const why =
    name in devDependencies
      ? 'which only a clone of the repository has, after npm ci'
      : name in optionalDependencies
        ? 'which npm left out: install sift-edge again with Node 22 or newer, without --omit=optional and with ' +
          '--ignore-scripts (no package here needs its script, and one that fails is left out)'
        : undefined;
  if (why === undefined) return cause;
  const error = new Error(`this needs the package ${name}, ${why}`);
  error.stack = error.message;
  return error;
};

// programs that this one starts may be of an older Node
if (registerHooks !== undefined && stripTypeScriptTypes !== undefined) {
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        throw context.parentURL?.startsWith(here) ? leftOut(specifier, error) : error;
      }
    },
    load(url, context, next) {
      const own = url.startsWith(here) && !url.slice(here.length).includes('node_modules/');
      const [path] = url.split(/[?#]/);
      if (!own || !path.endsWith('.ts')) return next(url, context);
      const text = readFileSync(fileURLToPath(path), 'utf8');
      return { format: 'module', shortCircuit: true, source: quietly(() => stripTypeScriptTypes(text)) };
    },
  });
}
