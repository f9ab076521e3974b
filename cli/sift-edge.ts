// `sift-edge COMMAND`: the process around the commands, from its arguments to its exit code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './commands/command.ts';
import { COMMANDS } from './commands/table.ts';
import { EXIT } from './exit.ts';
import { ROOT } from './places.ts';
import { runToEnd } from './program.ts';
import { terminal } from './terminal.ts';

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const stopped = new AbortController();
let running: Command | undefined;

/** Ctrl-C asks the command to stop, a second one ends the process. */
const watch = ({ serves, raw }: Command): void => {
  if (serves === true || raw === true) return;
  process.once('SIGINT', () => {
    stopped.abort();
    process.once('SIGINT', () => process.exit(EXIT.interrupted));
  });
};

// a reader who has left (`| head -1`) wants no more
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (running?.serves !== true) process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
  });
}

const surroundings = {
  env: process.env,
  version,
  console: (json: boolean, command: Command) => {
    running = command;
    watch(command);
    return terminal(json, stopped.signal);
  },
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
};

const code = await runToEnd(COMMANDS, process.argv.slice(2), surroundings, () => stopped.signal.aborted);
// what a serving command had opened when it failed may keep the process, and so may an input that was being read at Ctrl-C
if ((running?.serves === true && code !== EXIT.ok) || stopped.signal.aborted) process.exit(code);
process.exitCode = code;
