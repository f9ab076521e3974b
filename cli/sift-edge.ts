// `sift-edge COMMAND`: the process around the commands, from its arguments to its exit code.
import { COMMANDS } from './commands/table.ts';
import { endOf } from './exit.ts';
import { runProgram } from './program.ts';
import { terminal } from './terminal.ts';

const args = process.argv.slice(2);
const stopped = new AbortController();
process.once('SIGINT', () => {
  stopped.abort();
  process.once('SIGINT', () => process.exit(130));
});
// whoever read us has left (`| head -1`)
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  process.exitCode = await runProgram(COMMANDS, args, {
    env: process.env,
    console: (json) => terminal(json, stopped.signal),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
} catch (error) {
  if (stopped.signal.aborted) process.exit(130);
  const { message, code } = endOf(error);
  process.stderr.write(`sift-edge: ${message}\n`);
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { message, exit: code } })}\n`);
  process.exitCode = code;
}
