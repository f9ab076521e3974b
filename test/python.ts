// Python for the tests that compare with it: SIFT_PYTHON, or python3. A machine without the packages skips those tests and
// says so in a line.
import { spawnSync } from 'node:child_process';

/** The interpreter that can import all these modules; undefined, with the reason on stderr, where there is none. */
export const python = (part: string, modules: readonly string[]): string | undefined => {
  const interpreter = process.env.SIFT_PYTHON ?? 'python3';
  // found, not imported: importing torch takes seconds; of a module in a package that is missing Python throws
  const script = `import importlib.util, sys
def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
sys.exit(" ".join(name for name in sys.argv[1:] if not found(name)) or 0)`;
  const { status, stderr, error } = spawnSync(interpreter, ['-c', script, ...modules], { encoding: 'utf8' });
  if (error === undefined && status === 0) return interpreter;
  const why = error === undefined ? `${interpreter} lacks ${stderr.trim()}` : `${interpreter} does not run`;
  process.stderr.write(`skipped: ${part} (${why}); SIFT_PYTHON may name a Python that has them\n`);
  return undefined;
};
