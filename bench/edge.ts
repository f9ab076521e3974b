// An edge of its own for a bench: in workerd, with a local Vectorize and the front, its state in a directory that goes with
// it, and no gateway, which selections do not need.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernel } from '../assembly/build.ts';
import { starterCorpus } from '../corpus/documents.ts';
import { type Example, examplesOf } from '../corpus/examples.ts';
import type { EmbedderFiles } from '../functions/embedding/directory.node.ts';
import { startEdge } from '../local/edge.ts';
import { embedderFiles } from '../local/embedder.ts';
import { buildSite } from '../site/build.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const KEY = 'sk-bench-only-here';

/** All of the starter corpus, as `npm start` cuts it. */
export const starterExamples = async (): Promise<Example[]> =>
  examplesOf((await starterCorpus(join(ROOT, 'node_modules'))).documents);

export interface BenchEdge {
  readonly url: string;
  readonly embedder: EmbedderFiles;
  close(): Promise<void>;
}

export const startBenchEdge = async (defaultCorpus: string): Promise<BenchEdge> => {
  await Promise.all([buildKernel(), buildSite()]);
  const state = await mkdtemp(join(tmpdir(), 'sift-bench-'));
  const embedder = await embedderFiles(join(ROOT, 'models/embedder'));
  const edge = await startEdge({
    root: ROOT,
    state,
    embedder,
    port: 0,
    apiKey: KEY,
    gatewayUrl: 'http://127.0.0.1:9',
    gatewaySecret: 'no gateway listens here',
    defaultCorpus,
    // a page that finds no gateway would be told of between the figures
    logLevel: 'off',
  });
  return {
    url: edge.url,
    embedder,
    close: async () => {
      await edge.close();
      await rm(state, { recursive: true, force: true });
    },
  };
};
