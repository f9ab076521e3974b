// Other runtimes than Node, for the examples: SIFT_DENO, SIFT_BUN, or one on the PATH. A machine without skips those tests and
// says so in a line.
import { spawnSync } from 'node:child_process';

export const runtime = (name: 'deno' | 'bun'): string | undefined => {
  const variable = `SIFT_${name.toUpperCase()}`;
  const command = process.env[variable] ?? name;
  if (spawnSync(command, ['--version']).status === 0) return command;
  process.stderr.write(`skipped: the examples in ${name} (${command} does not run); ${variable} may name one\n`);
  return undefined;
};
