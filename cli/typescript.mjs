// Node runs TypeScript by leaving out its types, but not below node_modules, where an installed sift-edge lies. This does the
// same there, for this package alone, with Node's own means. It comes by NODE_OPTIONS (bin.mjs), so that worker threads and
// child processes have it too, whatever they are started with.
// In place of JavaScript made before packing: the package is the tree of the repository, and every path in it stays right.
// Trade-off: a thousand lines take a millisecond or so at every start, as in a clone.
import { readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const here = new URL('../', import.meta.url).href;
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

// programs that this one starts may be of an older Node
if (registerHooks !== undefined && stripTypeScriptTypes !== undefined) {
  registerHooks({
    load(url, context, next) {
      const own = url.startsWith(here) && !url.slice(here.length).includes('node_modules/');
      const [path] = url.split(/[?#]/);
      if (!own || !path.endsWith('.ts')) return next(url, context);
      const text = readFileSync(fileURLToPath(path), 'utf8');
      return { format: 'module', shortCircuit: true, source: quietly(() => stripTypeScriptTypes(text)) };
    },
  });
}
