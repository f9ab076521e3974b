// A script of the repository that is no command of `sift-edge` (npm run calibrate, eval, …) as a process: it ends as those do.
import { endOf } from './exit.ts';

/** Runs a script under its name. It may still serve when `main` has ended; a failure ends the process at once. */
export const runCommand = async (name: string, main: () => Promise<void>): Promise<void> => {
  try {
    await main();
  } catch (error) {
    const { message, code } = endOf(error);
    process.stderr.write(`${name}: ${message}\n`);
    process.exit(code);
  }
};
