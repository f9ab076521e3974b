// A Worker as Miniflare takes it: one ES module and the binaries beside it, as wrangler's rules would build them.
import { basename, join } from 'node:path';
import { build, stop } from 'esbuild';
import { type Modules, type Runtime, startWorkerd } from './workerd.ts';

export interface BundleOptions {
  /** The directory whose files take the place of models/embedder. */
  readonly embedder?: string;
  readonly minify?: boolean;
}

/** Bundles being made now: with the last of them esbuild's process, some 140 MB, ends too. */
let inMaking = 0;

/** Bundles the Worker that begins at `entry`. */
export const bundle = async (entry: string, options: BundleOptions = {}): Promise<Modules> => {
  inMaking += 1;
  try {
    return await bundled(entry, options);
  } finally {
    inMaking -= 1;
    if (inMaking === 0) await stop();
  }
};

const bundled = async (entry: string, { embedder, minify = false }: BundleOptions): Promise<Modules> => {
  const { outputFiles } = await build({
    entryPoints: [entry],
    entryNames: 'index',
    outdir: 'bundle',
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    minify,
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:workers', 'node:*'],
    loader: { '.wasm': 'copy', '.onnx': 'copy' },
    plugins: [
      {
        // the Worker imports its embedder by path, as wrangler deploys it; here it is the one that was asked for
        name: 'embedder',
        setup: ({ onResolve }) => {
          if (embedder === undefined) return;
          onResolve({ filter: /\/models\/embedder\/[^/]+$/ }, ({ path }) => ({ path: join(embedder, basename(path)) }));
        },
      },
    ],
    logLevel: 'silent',
  });
  const modules: Modules = {};
  for (const { path, contents, text } of outputFiles) {
    const name = basename(path);
    const type = name.endsWith('.wasm') ? 'wasm' : name.endsWith('.onnx') ? 'data' : 'esm';
    modules[name] = { type, contents: type === 'esm' ? text : new Uint8Array(contents) };
  }
  return modules;
};

/** One Worker without bindings, on a free port: what tests and benches run inside workerd. */
export const startBareWorker = (name: string, modules: Modules): Promise<Runtime> => startWorkerd([{ name, modules }]);
