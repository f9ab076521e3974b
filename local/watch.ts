// Ties workerd to this process: when this process ends in any way, kill -9 included, workerd is killed.
// workerd does not notice that its parent is gone. So Miniflare starts local/workerd.sh, which becomes workerd and leaves
// a shell that waits on a named pipe. Only this process holds the pipe's writing end, and the kernel closes it for us.
// Without mkfifo (neither Linux nor macOS) workerd is started plainly.
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Watch {
  /** What Miniflare starts in place of workerd, and the variables it needs. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** To be called when workerd has ended. */
  end(): Promise<void>;
}

const WRAPPER = fileURLToPath(new URL('workerd.sh', import.meta.url));

/** The binary that Miniflare would start: the one of the workerd package that Miniflare depends on. */
const workerdBinary = (): string => {
  const miniflare = createRequire(createRequire(import.meta.url).resolve('miniflare'));
  const { default: path } = miniflare('workerd') as { default: string };
  return path;
};

export const watch = async (): Promise<Watch> => {
  const binary = workerdBinary();
  const directory = await mkdtemp(join(tmpdir(), 'sift-alive-'));
  const pipe = join(directory, 'pipe');
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', pipe]);
  } catch {
    await remove();
    return { command: binary, env: {}, end: async () => {} };
  }
  // opened for reading as well, because opening the writing end alone waits for a reader
  const held = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  return {
    command: WRAPPER,
    env: { SIFT_WORKERD: binary, SIFT_ALIVE: pipe },
    end: async () => {
      closeSync(held);
      await remove();
    },
  };
};
