// The table of commands as a parser: commander's, which knows flags, help and mistakes. What a command does is its own.
import { Option, Argument as Positional, Command as Program } from 'commander';
import { createClient } from '../client/index.ts';
import { UsageError } from '../wire/usage.ts';
import type { Command, Console, Flag, Values } from './commands/command.ts';
import { text } from './commands/values.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';

export const DEFAULT_SERVER = 'http://127.0.0.1:8787';

export const REMOTE_FLAGS: readonly Flag[] = [
  { flags: '--server <url>', summary: `the edge (default: the variable SIFT_SERVER, or ${DEFAULT_SERVER})` },
  { flags: '--key <key>', summary: 'a key of it (better the variable SIFT_KEY, which other users do not see)' },
];
export const EVERY_FLAGS: readonly Flag[] = [{ flags: '--json', summary: 'one JSON object a line on stdout' }];

const optionOf = ({ flags, summary, fallback, many, values }: Flag): Option => {
  const option = new Option(flags, summary);
  if (fallback !== undefined) option.default(fallback);
  if (Array.isArray(values)) option.choices(values);
  // choices check each value; several are gathered after that
  if (many === true) {
    const check = option.parseArg as ((value: string, before: unknown) => unknown) | undefined;
    option.argParser((value: string, before: string[] | undefined) => {
      check?.(value, undefined);
      return [...(before ?? []), value];
    });
  }
  return option;
};

/** What a command needs of its surroundings. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Opened when it is known whether stdout is JSON. */
  console(json: boolean): Console;
  /** Where help and the parser's own complaints go. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const clientOf = (values: Values, env: Surroundings['env']) => {
  const baseURL = text(values, 'server') ?? (env.SIFT_SERVER || DEFAULT_SERVER);
  if (!URL.canParse(baseURL)) throw new UsageError(`--server is '${baseURL}', it must be a URL`);
  const key = text(values, 'key') ?? env.SIFT_KEY ?? '';
  if (key === '') throw new CommandError('no key: give --key KEY or set SIFT_KEY', EXIT.auth);
  return createClient({ baseURL, key });
};

/** Parses `args` (behind the program's name) and runs what they say; resolves with its exit code. */
export const runProgram = async (
  commands: readonly Command[],
  args: readonly string[],
  { env, console, out, err }: Surroundings,
): Promise<ExitCode> => {
  let code: ExitCode = EXIT.ok;
  const add = (parent: Program, command: Command): void => {
    const program = parent
      .command(command.name)
      .description(command.details === undefined ? command.summary : `${command.summary}\n\n${command.details}`)
      .summary(command.summary);
    for (const { name, summary, values } of command.positionals ?? []) {
      const positional = new Positional(name, summary);
      if (Array.isArray(values)) positional.choices(values);
      program.addArgument(positional);
    }
    const remote = command.remote === true ? REMOTE_FLAGS : [];
    const every = command.subcommands === undefined && command.raw !== true ? EVERY_FLAGS : [];
    for (const flag of [...(command.flags ?? []), ...remote, ...every]) program.addOption(optionOf(flag));
    if (command.examples !== undefined) {
      program.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  $ ${line}`).join('\n')}`);
    }
    if (command.raw === true) program.allowUnknownOption().helpOption(false).argument('[args...]');
    for (const each of command.subcommands ?? []) add(program, each);
    const { run } = command;
    if (run === undefined) return;
    program.action(async () => {
      const values: Values = program.opts();
      const given = {
        console: console(values.json === true),
        positionals: program.processedArgs,
        values,
        client: () => clientOf(values, env),
      };
      code = (await run(given)) ?? EXIT.ok;
    });
  };
  const root = new Program('sift-edge')
    .description('Test-time fine-tuning at the edge: serve it, give it your text, ask it.')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: out, writeErr: err });
  for (const command of commands) add(root, command);
  try {
    await root.parseAsync(args, { from: 'user' });
  } catch (error) {
    // the parser has said it already
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')) {
      return 'exitCode' in error && error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    throw error;
  }
  return code;
};
