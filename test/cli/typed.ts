// A command line in this process: what it writes, and its exit code.
import { Readable } from 'node:stream';
import type { Command, Console, Environment } from '../../cli/commands/command.ts';
import { COMMANDS } from '../../cli/commands/table.ts';
import type { ExitCode } from '../../cli/exit.ts';
import { runToEnd } from '../../cli/program.ts';

export interface Typed {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stdout as JSON. */
  readonly lines: readonly Record<string, unknown>[];
}

export interface Circumstances {
  readonly commands?: readonly Command[];
  readonly env?: Environment;
  /** What is piped in, or, with `interactive`, typed. */
  readonly stdin?: string | Iterable<string> | AsyncIterable<string>;
  /** Somebody sits there: stdin and stderr are a terminal. */
  readonly interactive?: boolean;
  readonly signal?: AbortSignal;
  /** Called with every piece of stdout. */
  readonly onWrite?: (text: string) => void;
}

export const runTyped = async (args: readonly string[], circumstances: Circumstances = {}): Promise<Typed> => {
  const { commands = COMMANDS, env = {}, stdin = '', interactive = false, onWrite } = circumstances;
  const { signal = new AbortController().signal } = circumstances;
  let [stdout, stderr] = ['', ''];
  const out = (text: string): void => {
    stdout += text;
    onWrite?.(text);
  };
  const err = (text: string): void => {
    stderr += text;
  };
  const joined = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
  const console = (json: boolean): Console => ({
    json,
    interactive,
    colour: false,
    terminal: interactive,
    signal,
    say: (...lines) => void (json || out(joined(lines))),
    write: (text) => void (json || out(text)),
    emit: (value) => void (json && out(`${JSON.stringify(value)}\n`)),
    note: (...lines) => err(joined(lines)),
    prompt: (text) => void (interactive && err(text)),
  });
  const stream = Readable.from(typeof stdin === 'string' ? [stdin].filter((text) => text !== '') : stdin);
  const surroundings = { env, console, input: { interactive, stream }, out, err, version: '0.0.0' };
  const code = await runToEnd(commands, args, surroundings, () => signal.aborted);
  return {
    code,
    stdout,
    stderr,
    get lines() {
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
};
