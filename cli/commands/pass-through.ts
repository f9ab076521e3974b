// Commands that are programs of the repository with a command line of their own: what is typed behind the name goes there.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { CommandError, type ExitCode } from '../exit.ts';
import { ROOT } from '../places.ts';
import type { Command, Given } from './command.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const goOnWith = async (file: string, args: readonly string[]): Promise<ExitCode> => {
  const path = join(ROOT, file);
  if (!existsSync(path)) {
    throw new CommandError(
      `${path} is not there: a package has what serves and asks, ${file} is in the repository alone`,
    );
  }
  const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit' });
  // a terminal's Ctrl-C reaches both; what comes to this process alone is passed on
  const pass = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGINT' || process.stdin.isTTY !== true) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  try {
    return await new Promise<ExitCode>((resolve, reject) => {
      child.on('error', reject);
      // the code is the other program's own
      child.on('exit', (code, signal) => resolve((code ?? 128 + constants.signals[signal ?? 'SIGTERM']) as ExitCode));
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, pass);
  }
};

const passed = ({ positionals: [args = []] }: Given): readonly string[] => (typeof args === 'string' ? [args] : args);

export const evaluate: Command = {
  name: 'eval',
  summary: 'does it pay on your text? sift-edge eval --quick --corpus DIR (npm run eval)',
  raw: true,
  run: (given) => goOnWith('eval/index.ts', passed(given)),
};

export const bench: Command = {
  name: 'bench',
  summary: 'timings: sift-edge bench NAME, which names without one (npm run bench)',
  raw: true,
  async run(given) {
    const { buildKernel } = await import('../../assembly/build.ts');
    await buildKernel();
    return goOnWith('bench/index.ts', passed(given));
  },
};
