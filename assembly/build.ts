// `npm run build`: compiles the kernel to build/sift.wasm (SIMD) and its scalar twin build/sift-scalar.wasm, and the
// embedded backend's optimiser to build/adam.wasm.
// Skipped while neither the sources nor the compiler have changed. Compiler errors are printed as they come.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);

// no runtime, no asserts: the wrapper checks every size, and the memory is its own
const FLAGS = ['-O3', '--noAssert', '--converge', '--runtime', 'stub', '--importMemory', '--initialMemory', '1'];
const MODULES = [
  { out: 'build/sift.wasm', entry: 'assembly/index.ts', flags: [...FLAGS, '--enable', 'simd'] },
  { out: 'build/sift-scalar.wasm', entry: 'assembly/index.ts', flags: [...FLAGS, '--disable', 'simd'] },
  { out: 'build/adam.wasm', entry: 'assembly/adam.ts', flags: [...FLAGS, '--enable', 'simd'] },
];

const sourcesHash = async (): Promise<string> => {
  const sum = createHash('sha256').update(JSON.stringify(MODULES));
  // of package.json, which has it to the last digit: what is built is known to be up to date without the compiler as well
  const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  sum.update(String(devDependencies.assemblyscript));
  for (const name of (await readdir(here)).filter((file) => file.endsWith('.ts')).sort()) {
    sum.update(name).update(await readFile(join(here, name)));
  }
  return sum.digest('hex');
};

const withoutCompiler = (cause: unknown): never => {
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause;
  const error = new Error(
    'the kernel is not built, and its compiler (assemblyscript) is not installed: npm ci && npm run build, and then, ' +
      'where disk is scarce, npm prune --omit=dev',
    { cause },
  );
  // a sentence for people: where it was thrown says nothing to them
  error.stack = error.message;
  throw error;
};

/** Builds the modules unless they are up to date; true if it compiled. Throws with the compiler's messages. */
export const buildKernel = async (): Promise<boolean> => {
  // the package as npm has it brings the modules, and neither sources nor compiler
  if (!existsSync(join(here, 'index.ts'))) return false;
  const hash = await sourcesHash();
  const stamp = join(root, 'build/sift.hash');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return false;
  const { default: asc } = await import('assemblyscript/asc').catch(withoutCompiler);
  await mkdir(join(root, 'build'), { recursive: true });
  for (const { out, entry, flags } of MODULES) {
    const { error, stderr } = await asc.main([entry, '--outFile', out, '--baseDir', root, ...flags]);
    if (error) throw new Error(`the kernel does not compile:\n${stderr.toString()}${error.message}`);
  }
  await writeFile(stamp, hash);
  return true;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildKernel().catch((error: Error) => {
    console.error(error.stack);
    process.exit(1);
  });
  console.log(built ? 'kernel: built build/sift.wasm' : 'kernel: build/sift.wasm is up to date');
}
