// The table of commands as a parser: commander's, which knows flags, help and mistakes. What a command does is its own.
import { Option, Argument as Positional, Command as Program } from 'commander';
import { SiftError } from '../client/error.ts';
import { printable } from './ask/shown.ts';
import type { Command, Console, Environment, Flag, Input, Values } from './commands/command.ts';
import { EXIT, type ExitCode, endOf } from './exit.ts';
import { clientOf, DEFAULT_SERVER, serverOf } from './server.ts';

export const REMOTE_FLAGS: readonly Flag[] = [
  { flags: '--server <url>', summary: `the edge (default: the variable SIFT_SERVER, or ${DEFAULT_SERVER})` },
  {
    flags: '--key <key>',
    summary:
      'a key of it (default: the variable SIFT_KEY, which other users do not see; or what serve keeps on this machine)',
  },
];
export const EVERY_FLAGS: readonly Flag[] = [{ flags: '--json', summary: 'one JSON object a line on stdout' }];

/** Everything that a command takes, its own flags first. */
export const flagsOf = (command: Command): readonly Flag[] => [
  ...(command.flags ?? []),
  ...(command.remote === true ? REMOTE_FLAGS : []),
  ...(command.subcommands === undefined && command.raw !== true ? EVERY_FLAGS : []),
];

const optionOf = ({ flags, summary, fallback, many, values }: Flag): Option => {
  const option = new Option(flags, many === true ? `${summary}; repeatable` : summary);
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
  readonly env: Environment;
  /** Opened when it is known which command it is for, and whether stdout is JSON. */
  console(json: boolean, command: Command): Console;
  /** stdin; this process's own when absent. */
  readonly input?: Input;
  /** Where help and the parser's own complaints go. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** What --version says. */
  readonly version?: string;
}

const STDIN: Input = {
  get interactive() {
    return process.stdin.isTTY === true;
  },
  get stream() {
    return process.stdin;
  },
};

/** Behind `--` nothing is a flag. */
const wantsJson = (args: readonly string[]): boolean => {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).includes('--json');
};

const isOfParser = (error: unknown): error is Error & { readonly exitCode: number } =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');

/** Parses `args` (behind the program's name) and runs what they say; resolves with its exit code. */
export const runProgram = async (
  commands: readonly Command[],
  args: readonly string[],
  { env, console, input = STDIN, out, err, version = '' }: Surroundings,
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
    for (const flag of flagsOf(command)) program.addOption(optionOf(flag));
    if (command.examples !== undefined) {
      program.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  $ ${line}`).join('\n')}`);
    }
    if (command.raw === true) {
      program.allowUnknownOption().passThroughOptions().helpOption(false).argument('[args...]');
    }
    for (const each of command.subcommands ?? []) add(program, each);
    const { run } = command;
    if (run === undefined) return;
    program.action(async () => {
      const values: Values = program.opts();
      const given = {
        console: console(values.json === true, command),
        input,
        env,
        positionals: program.processedArgs,
        values,
        commands,
        server: () => serverOf(values, env),
        client: (wishes = {}) => clientOf(values, env, wishes),
      };
      code = (await run(given)) ?? EXIT.ok;
    });
  };
  const root = new Program('sift-edge')
    .description('Test-time fine-tuning at the edge: serve it, give it your text, ask it.')
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: out, writeErr: err });
  for (const command of commands) add(root, command);
  try {
    await root.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!isOfParser(error)) throw error;
    // the parser has said it already
    if (error.exitCode === 0) return EXIT.ok;
    if (wantsJson(args)) {
      const message = error.message.replace(/^error: /, '');
      out(`${JSON.stringify({ error: { message, exit: EXIT.usage } })}\n`);
    }
    return EXIT.usage;
  }
  return code;
};

/** The same to its end: a failure is said on stderr, with --json also as the last object of stdout. */
export const runToEnd = async (
  commands: readonly Command[],
  args: readonly string[],
  surroundings: Surroundings,
  interrupted: () => boolean = () => false,
): Promise<ExitCode> => {
  try {
    const code = await runProgram(commands, args, surroundings);
    return interrupted() && code === EXIT.ok ? EXIT.interrupted : code;
  } catch (error) {
    if (interrupted()) return EXIT.interrupted;
    const { message, code } = endOf(error);
    surroundings.err(`sift-edge: ${printable(message)}\n`);
    if (wantsJson(args)) {
      const wire = error instanceof SiftError ? { code: error.code, status: error.status, param: error.param } : {};
      surroundings.out(`${JSON.stringify({ error: { message, exit: code, ...wire } })}\n`);
    }
    return code;
  }
};
