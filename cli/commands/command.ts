// What a command of `sift-edge` is. The table (table.ts) is read for the parser, the help, the completion scripts and the
// reference in docs/; so a command's module is light, and loads what it works with when it runs.
import type { SiftClient } from '../../client/index.ts';
import type { ExitCode } from '../exit.ts';

export interface Flag {
  /** As commander reads it: `--n <count>`, `-q, --quiet`, `--no-demo`. */
  readonly flags: string;
  readonly summary: string;
  readonly fallback?: string | boolean;
  /** May be given several times; its value is a list. */
  readonly many?: boolean;
  /** What it takes, for completion and errors; `file` and `directory` are completed by the shell. */
  readonly values?: readonly string[] | 'file' | 'directory';
}

export interface Argument {
  /** `<dir>`, `[prompt]`, `[files...]`. */
  readonly name: string;
  readonly summary: string;
  readonly values?: readonly string[] | 'file' | 'directory';
}

/** Values of flags by their camel-cased names, as commander gives them. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Where a command says things, so that tests can listen. */
export interface Console {
  /** `--json`: stdout is NDJSON. */
  readonly json: boolean;
  /** Whether stderr is a terminal that may be redrawn. */
  readonly interactive: boolean;
  /** Whether stdout may be coloured: a terminal, and neither NO_COLOR nor --json. */
  readonly colour: boolean;
  /** Whether stdout is a terminal, which obeys control characters. */
  readonly terminal?: boolean;
  /** Ends when the user presses Ctrl-C. */
  readonly signal: AbortSignal;
  /** A line of stdout for people; nothing with --json. */
  say(...lines: string[]): void;
  /** Text of stdout as it comes, for people; nothing with --json. */
  write(text: string): void;
  /** An object of stdout's NDJSON; nothing without --json. */
  emit(value: unknown): void;
  /** A line of stderr, with --json too. */
  note(...lines: string[]): void;
  /** What is asked, on a stderr that is a terminal: the answer is typed behind it. */
  prompt?(text: string): void;
}

/** What is typed or piped in. */
export interface Input {
  /** Whether somebody types it. */
  readonly interactive: boolean;
  readonly stream: NodeJS.ReadableStream;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ClientWishes {
  /** Times that a request is tried again where the edge is busy; default 2. */
  readonly retries?: number;
}

export interface Given {
  readonly console: Console;
  readonly input: Input;
  readonly env: Environment;
  readonly positionals: readonly (string | readonly string[] | undefined)[];
  readonly values: Values;
  /** The whole table, for what is made of it. */
  readonly commands: readonly Command[];
  /** Where --server, or else SIFT_SERVER, says that the edge is. */
  server(): string;
  /** The edge there, with the key of --key, SIFT_KEY or this machine; throws a CommandError where there is none. */
  client(wishes?: ClientWishes): SiftClient;
}

export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** More, below the summary, in the command's own help. */
  readonly details?: string;
  readonly positionals?: readonly Argument[];
  readonly flags?: readonly Flag[];
  /** Takes --server and --key. */
  readonly remote?: boolean;
  readonly examples?: readonly string[];
  readonly subcommands?: readonly Command[];
  /** Parses its own command line: everything behind its name comes as it is. */
  readonly raw?: boolean;
  /** It serves on: signals and readers that leave are its own affair. */
  readonly serves?: boolean;
  /** The exit code; undefined is 0. Throws UsageError, CommandError, SiftError. */
  readonly run?: (given: Given) => Promise<ExitCode | undefined>;
}
