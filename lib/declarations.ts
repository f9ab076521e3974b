// The library's declarations, so that an application's compiler needs none of our dependencies. TypeScript writes them; the
// types that the client takes from the edge's schemas are written out as the plain objects they are, since the schemas' own
// types are zod's. Whatever else a declaration would lead to outside of dist/ fails the build.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

const ENTRIES = ['lib/kernel', 'lib/pool', 'client/index'];

const FROM_WIRE = /^import type \{([^}]*)\} from '(\.\.\/wire\/[^']+)';\n/gm;
const FROM_ZOD = /^import type \{ z \} from 'zod';\n/m;
const OF_SCHEMA = /z\.(input|output)<typeof (\w+)>/g;
const RELATIVE = /(from ')(\.[^']+)\.ts(')/g;
/** The only named types inside the written-out ones. */
const SPELLED: Readonly<Record<string, string>> = { VectorInput: 'string | readonly number[]' };

/** Types that the client takes from wire/, by the name they get: how they are asked for, and where they come from. */
type Wanted = Map<string, { readonly type: string; readonly name: string; readonly module: string }>;

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** A declaration of the client that takes its types from wire.d.ts; what it takes is added to `wanted`. */
const withoutSchemas = (text: string, wanted: Wanted): string => {
  const modules = new Map<string, string>();
  for (const [, names = '', module = ''] of text.matchAll(FROM_WIRE)) {
    for (const name of names.split(',').map((one) => one.trim())) if (name !== '') modules.set(name, module);
  }
  const used = new Set<string>();
  const take = (local: string, type: string, name: string): string => {
    const module = modules.get(name);
    if (module === undefined) throw new Error(`${type} is of no module of wire/`);
    used.add(local);
    wanted.set(local, { type, name, module });
    return local;
  };
  const body = text
    .replace(FROM_WIRE, '')
    .replace(FROM_ZOD, '')
    .replace(OF_SCHEMA, (type, kind: string, schema: string) =>
      take(`${capital(schema)}${capital(kind)}`, type, schema),
    );
  for (const name of modules.keys()) if (new RegExp(`\\b${name}\\b`).test(body)) take(name, name, name);
  return used.size === 0 ? body : `import type { ${[...used].sort().join(', ')} } from './wire.js';\n${body}`;
};

const emit = async (root: string, directory: string, files: readonly string[]): Promise<void> => {
  const config = join(directory, 'tsconfig.json');
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    noErrorTruncation: true,
    rootDir: root,
    outDir: join(directory, 'out'),
  };
  const up = relative(directory, join(root, 'tsconfig.node.json'));
  await writeFile(config, JSON.stringify({ extends: up, compilerOptions, include: [], files }));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, '-p', config]).catch((error: { stdout?: string }) => {
    throw new Error(`the declarations do not compile:\n${error.stdout ?? ''}`, { cause: error });
  });
};

/** The wanted types, written out: `flat` makes the compiler resolve them, and its declaration then spells them. */
const writtenOut = async (root: string, directory: string, wanted: Wanted): Promise<string> => {
  const lines = [
    "import type { z } from 'zod';",
    'const flat = <T>(): { [K in keyof T]: T[K] } => undefined as never;',
  ];
  for (const [local, { type, name, module }] of wanted) {
    const path = relative(directory, join(root, module.replace('../', '')));
    lines.push(`import type { ${name} as the${local} } from '${path}';`);
    const own = type === name ? `the${local}` : type.replace(name, `the${local}`);
    lines.push(`export const ${local} = flat<${own}>();`);
  }
  await writeFile(join(directory, 'wire.ts'), `${lines.join('\n')}\n`);
  await emit(root, directory, ['wire.ts', relative(directory, join(root, 'functions/modules.d.ts'))]);
  const text = await readFile(join(directory, 'out', relative(root, directory), 'wire.d.ts'), 'utf8');
  const types = text
    .replace(/^import .*\n/gm, '')
    .replace(/^export \{\};\n/m, '')
    .replace(/import\("[^"]+"\)\.(\w+)/g, (whole, name: string) => (SPELLED[name] ? `(${SPELLED[name]})` : whole))
    .replace(/^export declare const (\w+): /gm, 'export type $1 = ');
  const foreign = /import\([^)]*\)\.\w+|\bz\./.exec(types);
  if (foreign !== null) throw new Error(`wire.d.ts would need ${foreign[0]}`);
  return types;
};

export const buildDeclarations = async (root: string, out: string): Promise<void> => {
  await mkdir(out, { recursive: true });
  const work = await mkdtemp(join(dirname(out), '.types-'));
  try {
    const sources = [...ENTRIES.map((entry) => join(root, `${entry}.ts`)), join(root, 'functions/modules.d.ts')];
    await emit(
      root,
      work,
      sources.map((file) => relative(work, file)),
    );
    const wanted: Wanted = new Map();
    const done = new Set<string>();
    const publish = async (path: string): Promise<void> => {
      if (done.has(path)) return;
      done.add(path);
      const raw = await readFile(join(work, 'out', `${path}.d.ts`), 'utf8');
      const text = path.startsWith('client/') ? withoutSchemas(raw, wanted) : raw;
      for (const [, , target = ''] of text.matchAll(RELATIVE)) {
        const next = join(dirname(path), target);
        if (dirname(next) !== dirname(path)) throw new Error(`${path}.d.ts would need ${next}`);
        await publish(next);
      }
      const file = join(out, `${path}.d.ts`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text.replace(RELATIVE, '$1$2.js$3'));
    };
    for (const entry of ENTRIES) await publish(entry);
    await writeFile(join(out, 'client/wire.d.ts'), await writtenOut(root, await mkdtemp(join(work, 'wire-')), wanted));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};
