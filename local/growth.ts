// Miniflare writes its configuration, with every module of a Worker in it, into a buffer that grows by 4 KiB, and each time
// copies all of it: some 22 MB seventy times with the edge's, two seconds of processor time at every start. The step is a
// constant of its bundle, and becomes 4 MiB while the bundle is loaded. Where the constant is not found nothing changes.
// To be imported before Miniflare is (or wrangler, which brings it).
import { registerHooks } from 'node:module';

const BUNDLE = /\/miniflare\/dist\/src\/index\.js$/;
export const STEP = 'MIN_SINGLE_SEGMENT_GROWTH = 4096;';

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!BUNDLE.test(url) || loaded.source === undefined || loaded.source === null) return loaded;
    const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    return { ...loaded, source: source.replace(STEP, 'MIN_SINGLE_SEGMENT_GROWTH = 4 * 1024 * 1024;') };
  },
});
