// How a command of `sift-edge` ends, in codes that scripts can branch on.
import { SiftError } from '../client/error.ts';
import { MachineError, UsageError } from '../wire/usage.ts';

export const EXIT = {
  ok: 0,
  failed: 1,
  /** The command line is wrong; nothing was done. */
  usage: 2,
  /** Some of it was done; what was not is said. */
  partly: 3,
  /** No key, or one that may not do this. */
  auth: 4,
  /** Busy, or not to be reached: the same command may succeed later (EX_TEMPFAIL of sysexits.h). */
  tryAgain: 75,
  /** Ended by Ctrl-C: 128 and the number of SIGINT, as shells have it. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that is no mistake of the command line's: one sentence, without a stack. */
export class CommandError extends Error {
  readonly code: ExitCode;
  constructor(message: string, code: ExitCode = EXIT.failed, cause?: unknown) {
    super(message, { cause });
    this.name = 'CommandError';
    this.code = code;
  }
}

const BUSY: readonly number[] = [408, 429, 502, 503, 504];
/** Of errors without a status: a connection that failed, and what a stream that had begun may end with. */
const PASSING: readonly string[] = [
  ...['connection', 'queue_full', 'no_memory', 'backend_unavailable', 'shutting_down', 'stopped', 'deadline'],
  ...['gateway_unreachable', 'gateway_timeout', 'rate_limited'],
];

const codeOf = ({ status, code }: SiftError): ExitCode => {
  if (status === 401 || status === 403) return EXIT.auth;
  const passes = status === undefined ? PASSING.includes(code) : BUSY.includes(status);
  return passes ? EXIT.tryAgain : EXIT.failed;
};

/** Nothing answers on this machine: a stranger may not have started it. */
const NOT_STARTED = /\bhttp:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?\/\S* cannot be reached: .*ECONNREFUSED/;
export const withHint = (message: string): string =>
  NOT_STARTED.test(message) ? `${message}; sift-edge serve starts one, --server URL names another` : message;

export interface End {
  readonly message: string;
  readonly code: ExitCode;
}

/** What a failed command says, and its exit code; an error of the program itself comes with its stack. */
export const endOf = (error: unknown): End => {
  if (error instanceof MachineError) return { message: error.message, code: EXIT.failed };
  if (error instanceof UsageError) return { message: error.message, code: EXIT.usage };
  if (error instanceof CommandError) return { message: error.message, code: error.code };
  if (error instanceof SiftError) {
    const where = error.requestId === undefined ? '' : ` (request ${error.requestId})`;
    return { message: `${withHint(error.message)}${where}`, code: codeOf(error) };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), code: EXIT.failed };
};
