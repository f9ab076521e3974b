// What filters may name. The index has a metadata index for each property of FILTERABLE and for `source`, made by the
// deployment command and shared by all corpora; a corpus declares some of them, or has all. A filter on anything else would
// be answered wrongly without a word (the index takes an unindexed property for absent), so it is refused, and so is a value
// of another type than the property's.
import { type Filterable, filterable as filterableSchema } from '../../wire/api/corpora.ts';
import type { Filter } from '../../wire/api/filter.ts';
import { FaultError } from '../../wire/faults.ts';
import { MAX_SHOWN_CHARACTERS } from '../../wire/limits.ts';
import { shortened } from '../../wire/words.ts';
import type { Env } from '../env.ts';
import type { CorpusInfo } from './contract.ts';

/** Where the deployment says nothing. */
const DEFAULT: Filterable = { lang: 'string' };

/** The deployment's properties. */
export const deployedFilterable = ({ FILTERABLE }: Pick<Env, 'FILTERABLE'>): Filterable => {
  if (FILTERABLE === undefined) return DEFAULT;
  try {
    return filterableSchema.parse(JSON.parse(FILTERABLE === '' ? '{}' : FILTERABLE));
  } catch (error) {
    throw new FaultError({ kind: 'not_configured', what: `FILTERABLE ({"NAME":"string|number|boolean"})` }, error);
  }
};

const inWords = (properties: Filterable): string =>
  ["'source' (string)", ...Object.entries(properties).map(([name, type]) => `'meta.${name}' (${type})`)].join(', ');

/** What a corpus may be filtered on: what it declared, as far as the index still has it. */
export const filterableOf = (
  env: Pick<Env, 'FILTERABLE'>,
  { filterable }: Pick<CorpusInfo, 'filterable'>,
): Filterable => {
  const deployed = deployedFilterable(env);
  if (filterable === undefined) return deployed;
  return Object.fromEntries(Object.entries(filterable).filter(([name, type]) => typeOf(deployed, name) === type));
};

const typeOf = (properties: Filterable, name: string): Filterable[string] | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : undefined;

/** Throws bad_field when a corpus declares what the index does not have. */
export const checkDeclared = (env: Pick<Env, 'FILTERABLE'>, declared: Filterable): void => {
  const deployed = deployedFilterable(env);
  for (const [name, type] of Object.entries(declared)) {
    if (typeOf(deployed, name) === type) continue;
    const what = `'${shortened(name, MAX_SHOWN_CHARACTERS)}' (${type})`;
    const message = `${what} is not indexed by this deployment, which has ${inWords(deployed)}`;
    throw new FaultError({ kind: 'bad_field', param: 'filterable', message });
  }
};

const valuesOf = (condition: Filter[string]): unknown[] =>
  typeof condition === 'object' && condition !== null ? Object.values(condition).flat() : [condition];

const problemOf = (property: string, condition: Filter[string], properties: Filterable): string | undefined => {
  const type = property === 'source' ? 'string' : typeOf(properties, property.slice('meta.'.length));
  const shown = `'${shortened(property, MAX_SHOWN_CHARACTERS)}'`;
  if (type === undefined) return `${shown} is not declared; filters may name ${inWords(properties)}`;
  const odd = valuesOf(condition).find((value) => value !== null && typeof value !== type);
  if (odd === undefined) return undefined;
  return `${shown} is a ${type}, ${shortened(JSON.stringify(odd), MAX_SHOWN_CHARACTERS)} is a ${typeof odd}`;
};

/** Throws bad_field for a filter on what the corpus does not declare, or with values of another type. */
export const checkFilter = (filter: Filter, properties: Filterable): void => {
  for (const [property, condition] of Object.entries(filter)) {
    const message = problemOf(property, condition, properties);
    if (message !== undefined) throw new FaultError({ kind: 'bad_field', param: 'filter', message });
  }
};
