// What the deployment does before `wrangler deploy`: every property that filters may name (FILTERABLE of wrangler.toml, and
// `source`) gets its metadata index in Vectorize. Run again it changes nothing. An index of another type, or one too many, is
// refused with what to do: Vectorize can neither change an index nor hold more than ten.
//   node cli/metadata-indexes.ts [--dry-run]
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { filterable, type propertyType } from '../wire/api/corpora.ts';
import { VECTORIZE_MAX_METADATA_INDEXES } from '../wire/limits.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const existing = z.array(z.object({ propertyName: z.string(), indexType: z.string() }));
export type Existing = z.output<typeof existing>;
type Property = z.output<typeof propertyType>;

/** Properties with their types, as Vectorize names them. */
export const wantedIndexes = (json: string): Map<string, Property> =>
  new Map([
    ['source', 'string'] as const,
    ...Object.entries(filterable.parse(JSON.parse(json))).map(([name, type]) => [`meta.${name}`, type] as const),
  ]);

/** Indexes to make. Throws with a sentence where that cannot be. */
export const missingIndexes = (wanted: ReadonlyMap<string, Property>, have: Existing): [string, Property][] => {
  const types = new Map(have.map(({ propertyName, indexType }) => [propertyName, indexType.toLowerCase()]));
  for (const [name, type] of wanted) {
    const known = types.get(name);
    if (known !== undefined && known !== type) {
      throw new Error(
        `'${name}' is indexed as ${known}, FILTERABLE says ${type}: delete it (wrangler vectorize delete-metadata-index), deploy, and upload again what is to be filtered`,
      );
    }
  }
  const missing = [...wanted].filter(([name]) => !types.has(name));
  const others = [...types.keys()].filter((name) => !wanted.has(name));
  if (types.size + missing.length > VECTORIZE_MAX_METADATA_INDEXES) {
    throw new Error(
      `${types.size} properties are indexed and ${missing.length} are to come, the limit is ${VECTORIZE_MAX_METADATA_INDEXES}: delete one of ${others.join(', ')} first`,
    );
  }
  return missing;
};

const wrangler = async (...args: string[]): Promise<string> => {
  const path = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], { cwd: ROOT });
  return stdout;
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } });
  const { unstable_readConfig } = await import('wrangler');
  const { vars, vectorize } = unstable_readConfig({ config: join(ROOT, 'wrangler.toml') }, { hideWarnings: true });
  const index = vectorize[0]?.index_name;
  if (index === undefined) throw new Error('wrangler.toml has no [[vectorize]] with an index_name');
  const wanted = wantedIndexes(String(vars.FILTERABLE ?? '{}'));
  if (values['dry-run']) {
    for (const [name, type] of wanted) console.log(`${index}: ${name} (${type})`);
    return;
  }
  const said = await wrangler('vectorize', 'list-metadata-index', index, '--json');
  // a notice may stand before the JSON
  const have = existing.parse(JSON.parse(said.slice(said.indexOf('['))));
  const missing = missingIndexes(wanted, have);
  for (const [name, type] of missing) {
    await wrangler('vectorize', 'create-metadata-index', index, `--property-name=${name}`, `--type=${type}`);
    console.log(`${index}: ${name} (${type}) is indexed from now on; vectors written before are not found by it`);
  }
  if (missing.length === 0) console.log(`${index}: all ${wanted.size} properties are indexed`);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
