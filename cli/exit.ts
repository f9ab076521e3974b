// How a command of `sift-edge` ends, in codes that scripts can branch on.
import { SiftError } from '../client/error.ts';
import { UsageError } from '../wire/usage.ts';

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

const BUSY: readonly (number | undefined)[] = [undefined, 408, 429, 502, 503, 504];

const codeOf = ({ status }: SiftError): ExitCode => {
  if (status === 401 || status === 403) return EXIT.auth;
  return BUSY.includes(status) ? EXIT.tryAgain : EXIT.failed;
};

/** What a failed command says, and its exit code; an error of the program itself comes with its stack. */
export const endOf = (error: unknown): { readonly message: string; readonly code: ExitCode } => {
  if (error instanceof UsageError) return { message: error.message, code: EXIT.usage };
  if (error instanceof CommandError) return { message: error.message, code: error.code };
  if (error instanceof SiftError) {
    const where = error.requestId === undefined ? '' : ` (request ${error.requestId})`;
    return { message: `${error.message}${where}`, code: codeOf(error) };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), code: EXIT.failed };
};
