// Vectorize filters only on properties that have a metadata index: which ones are to be made, from what the deployment wants
// and what the index has. An index of another type, or one too many, is refused with what to do: Vectorize can neither
// change a metadata index nor hold more than ten.
import { z } from 'zod';
import { filterable, type propertyType } from '../../wire/api/corpora.ts';
import { VECTORIZE_MAX_METADATA_INDEXES } from '../../wire/limits.ts';
import { CommandError } from '../exit.ts';

/** As Cloudflare lists them. */
export const existing = z.array(z.object({ propertyName: z.string(), indexType: z.string() }));
export type Existing = z.output<typeof existing>;
export type Property = z.output<typeof propertyType>;

/** Properties with their types, as Vectorize names them, from a FILTERABLE. */
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
      throw new CommandError(
        `'${name}' is indexed as ${known}, FILTERABLE says ${type}: delete it (wrangler vectorize delete-metadata-index), deploy, and upload again what is to be filtered`,
      );
    }
  }
  const missing = [...wanted].filter(([name]) => !types.has(name));
  const others = [...types.keys()].filter((name) => !wanted.has(name));
  if (types.size + missing.length > VECTORIZE_MAX_METADATA_INDEXES) {
    throw new CommandError(
      `${types.size} properties are indexed and ${missing.length} are to come, the limit is ${VECTORIZE_MAX_METADATA_INDEXES}: delete one of ${others.join(', ')} first`,
    );
  }
  return missing;
};
