// The console of a command on this process's own streams.
import type { Console } from './commands/command.ts';

export const terminal = (json: boolean, signal: AbortSignal): Console => {
  const { stdout, stderr, env } = process;
  return {
    json,
    interactive: stderr.isTTY === true,
    // https://no-color.org: set to anything but the empty string
    colour: !json && stdout.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb',
    terminal: stdout.isTTY === true,
    signal,
    say(...lines) {
      if (!json) stdout.write(lines.map((line) => `${line}\n`).join(''));
    },
    write(text) {
      if (!json) stdout.write(text);
    },
    emit(value) {
      if (json) stdout.write(`${JSON.stringify(value)}\n`);
    },
    note(...lines) {
      stderr.write(lines.map((line) => `${line}\n`).join(''));
    },
    prompt(text) {
      if (stderr.isTTY) stderr.write(text);
    },
  };
};
