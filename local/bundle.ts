// A Worker as Miniflare takes it: one ES module and the binaries beside it, as wrangler's rules would build them.
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, stop } from 'esbuild';
import type { EmbedderFiles } from '../functions/embedding/directory.node.ts';
import { type Modules, type Runtime, startWorkerd } from './workerd.ts';

export interface BundleOptions {
  /** The embedder that takes the place of models/embedder. */
  readonly embedder?: EmbedderFiles;
  /** The Worker without the bundled embedder, its tokenizer and its runtime. */
  readonly lean?: boolean;
  readonly minify?: boolean;
}

/** What the Worker without the bundled embedder imports instead: `alias` of a wrangler configuration, from the root. */
export const LEAN_ALIAS = { './onnx.ts': 'functions/embedding/left-out.ts' } as const;

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

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

/** models/embedder/index.ts of another embedder. */
const moduleOf = ({ config, tokenizer, tokenizerConfig, model, external }: EmbedderFiles): string =>
  [
    `import model from ${JSON.stringify(model)};`,
    `import tokenizer from ${JSON.stringify(tokenizer)};`,
    ...external.map(({ path }, i) => `import data${i} from ${JSON.stringify(path)};`),
    `const config = ${JSON.stringify(config)};`,
    `const tokenizerConfig = ${JSON.stringify(tokenizerConfig)};`,
    `const external = [${external.map(({ name }, i) => `{ name: ${JSON.stringify(name)}, data: data${i} }`).join()}];`,
    'export const embedder = { config, tokenizer, tokenizerConfig, model, external };',
  ].join('\n');

/** What is one of these texts. */
const literally = (...texts: string[]): RegExp =>
  new RegExp(`^(?:${texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})$`);

/** The Worker imports its embedder by path, as wrangler deploys it; here it is the one that was asked for. */
const inPlace = (embedder: EmbedderFiles): Plugin => ({
  name: 'embedder',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]models[\\/]embedder[\\/]index\.ts$/ }, () => ({
      contents: moduleOf(embedder),
      resolveDir: embedder.directory,
    }));
    // only what no loader below knows: everything that passes here is copied between two processes
    if (embedder.external.length === 0) return;
    onLoad({ filter: literally(...embedder.external.map(({ path }) => path)) }, async ({ path }) => ({
      contents: await readFile(path),
      loader: 'copy',
    }));
  },
});

/** As wrangler reads `alias`: a module by the name that it is imported under. */
const leftOut: Plugin = {
  name: 'lean',
  setup: ({ onResolve }) => {
    for (const [name, file] of Object.entries(LEAN_ALIAS)) {
      onResolve({ filter: literally(name) }, () => ({ path: join(ROOT, file) }));
    }
  },
};

const bundled = async (entry: string, { embedder, lean = false, minify = false }: BundleOptions): Promise<Modules> => {
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
    plugins: [...(lean ? [leftOut] : []), ...(embedder === undefined ? [] : [inPlace(embedder)])],
    logLevel: 'silent',
  });
  const modules: Modules = {};
  for (const { path, contents, text } of outputFiles) {
    const name = basename(path);
    const type = name.endsWith('.wasm') ? 'wasm' : name.endsWith('.js') ? 'esm' : 'data';
    modules[name] = { type, contents: type === 'esm' ? text : new Uint8Array(contents) };
  }
  return modules;
};

/** One Worker without bindings, on a free port: what tests and benches run inside workerd. */
export const startBareWorker = (name: string, modules: Modules): Promise<Runtime> => startWorkerd([{ name, modules }]);
