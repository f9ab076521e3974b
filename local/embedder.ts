// Whose vectors the edge works with: the embedder that comes with the repository, or a directory of the user's own.
// Checked before anything starts, so that a mistake is a sentence and not a Worker that does not come up.
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type EmbedderFiles, readEmbedderFiles } from '../functions/embedding/directory.node.ts';
import { tryFiles } from '../functions/embedding/onnx.node.ts';
import { WORKER_MODEL_BYTES, WORKER_UPLOAD_BYTES, WORKER_WITHOUT_EMBEDDER_BYTES } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { UsageError } from '../wire/usage.ts';

export type { EmbedderFiles } from '../functions/embedding/directory.node.ts';

const usage = (error: unknown): never => {
  throw new UsageError(messageOf(error));
};

/** DIR, or a model in it: DIR/onnx/FILE.onnx. Rejects with a UsageError. */
export const embedderFiles = (path: string): Promise<EmbedderFiles> => readEmbedderFiles(path).catch(usage);

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const sizeOf = async (paths: readonly string[]): Promise<number> => {
  let sum = 0;
  for (const path of paths) sum += (await stat(path)).size;
  return sum;
};

/** Why the embedder does not fit into a Worker of Cloudflare's; undefined where it does. */
export const workerFit = async ({ model, external, tokenizer }: EmbedderFiles): Promise<string | undefined> => {
  const weights = [model, ...external.map(({ path }) => path)];
  const size = await sizeOf(weights);
  if (size > WORKER_MODEL_BYTES) {
    return `its model of ${megabytes(size)} does not fit into a Worker of Cloudflare's, whose 128 MB a model of ${megabytes(WORKER_MODEL_BYTES)} uses up; on this machine it runs`;
  }
  const squeeze = promisify(gzip);
  let upload = WORKER_WITHOUT_EMBEDDER_BYTES;
  for (const path of [...weights, tokenizer]) upload += (await squeeze(await readFile(path))).length;
  if (upload <= WORKER_UPLOAD_BYTES.paid) return undefined;
  return `with it a Worker's upload is some ${megabytes(upload)} compressed, and Cloudflare takes ${megabytes(WORKER_UPLOAD_BYTES.paid)} (free plan ${megabytes(WORKER_UPLOAD_BYTES.free)}); on this machine it runs`;
};

/** An embedder of the user's own, tried: what it is, and what there is to know. Rejects with a UsageError. */
export const triedEmbedder = async (path: string): Promise<EmbedderFiles> => {
  const files = await embedderFiles(path);
  const trial = await tryFiles(files).catch(usage);
  const fit = await workerFit(files);
  return {
    ...files,
    config: trial.config,
    notes: [...files.notes, ...trial.notes, ...(fit === undefined ? [] : [fit])],
  };
};
