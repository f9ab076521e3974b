// How a command ends when it fails: a mistake of the user's is one sentence and exit code 1, an error of the program itself
// its stack and exit code 2.
import { UsageError } from './arguments.ts';

/** What a failed command says, and its exit code. */
export const failureOf = (error: unknown): { readonly text: string; readonly code: 1 | 2 } => {
  if (error instanceof UsageError) return { text: error.message, code: 1 };
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), code: 2 };
};

/** Runs a command under its name. It may still serve when `main` has ended; a failure ends the process at once. */
export const runCommand = async (name: string, main: () => Promise<void>): Promise<void> => {
  try {
    await main();
  } catch (error) {
    const { text, code } = failureOf(error);
    process.stderr.write(`${name}: ${text}\n`);
    process.exit(code);
  }
};
