// Starts `sift-edge ingest` as a process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../cli/sift-edge.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: Record<string, unknown>[];
  readonly summary: Record<string, number>;
  readonly stderr: string;
}

export interface Started {
  readonly stdin?: string;
  /** Ends the process by this signal once a line of its output is there. */
  readonly kill?: { readonly when: RegExp; readonly by: NodeJS.Signals };
}

export const sift = async (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { stdin, kill }: Started = {},
): Promise<Ended> => {
  const child = spawn(process.execPath, [BIN, 'ingest', ...args, '--json'], {
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
    if (kill?.when.test(stdout) === true) child.kill(kill.by);
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  if (stdin !== undefined) child.stdin.end(stdin);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const lines = stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const summary = (lines.find(({ type }) => type === 'summary') ?? {}) as Record<string, number>;
  return { code, signal, lines, summary, stderr };
};
