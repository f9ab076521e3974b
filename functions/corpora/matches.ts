// A filter evaluated here, on an example's own source and metadata: what the index does for selections, for work that must
// be exact. Whole strings are compared, where the index keeps their first 64 bytes. A property that is absent, or of another
// type than declared, is null.
import type { Filterable } from '../../wire/api/corpora.ts';
import type { Filter } from '../../wire/api/filter.ts';
import { compareBytes } from '../../wire/text.ts';
import type { Example } from './record.ts';

type Value = string | number | boolean | null;

const isValue = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

const propertyOf = (property: string, { source, metadata }: Pick<Example, 'source' | 'metadata'>): unknown => {
  if (property === 'source') return source;
  const name = property.slice('meta.'.length);
  return metadata !== undefined && Object.hasOwn(metadata, name) ? metadata[name] : undefined;
};

/** Sign of value − bound, or NaN where they cannot be ordered; NaN makes every range false. */
const order = (value: Value, bound: unknown): number => {
  if (typeof value === 'number' && typeof bound === 'number') return value - bound;
  if (typeof value === 'string' && typeof bound === 'string') return compareBytes(value, bound);
  return Number.NaN;
};

const holds = (operator: string, operand: unknown, value: Value): boolean => {
  switch (operator) {
    case '$eq':
      return value === operand;
    case '$ne':
      return value !== operand;
    case '$in':
      return Array.isArray(operand) && operand.includes(value);
    case '$nin':
      return Array.isArray(operand) && !operand.includes(value);
    case '$lt':
      return order(value, operand) < 0;
    case '$lte':
      return order(value, operand) <= 0;
    case '$gt':
      return order(value, operand) > 0;
    case '$gte':
      return order(value, operand) >= 0;
    default:
      // the schema knows no other
      return false;
  }
};

/** Whether the filter lets an example through; all of its conditions must hold. */
export const matchesFilter = (
  filter: Filter,
  properties: Filterable,
  example: Pick<Example, 'source' | 'metadata'>,
): boolean =>
  Object.entries(filter).every(([property, condition]) => {
    const type = property === 'source' ? 'string' : properties[property.slice('meta.'.length)];
    const found = propertyOf(property, example);
    const value = isValue(found) && typeof found === type ? found : null;
    const conditions =
      typeof condition === 'object' && condition !== null ? Object.entries(condition) : [['$eq', condition] as const];
    return conditions.every(([operator, operand]) => operand === undefined || holds(operator, operand, value));
  });
