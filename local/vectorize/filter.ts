// Metadata filters: parsed once into clauses (plain data, so that they travel), then evaluated against a vector's indexed values.
// All clauses must hold. A property that is not indexed, absent, or of another type counts as null: $eq null, $ne, and $nin match it.
// That last rule is a guess where the real service is undocumented (docs/reference/vectorize-local.md).
import { VECTORIZE_MAX_FILTER_BYTES } from '../../wire/limits.ts';
import { compareBytes } from '../../wire/text.ts';
import { type Answer, answer, BAD_FILTER, refuse } from './faults.ts';
import { type Indexed, indexedPrefix, isRecord, keyProblem, type Scalar, utf8Length } from './metadata.ts';

type Value = Scalar | null;
export type Clause =
  | { readonly property: string; readonly operator: '$eq' | '$ne'; readonly value: Value }
  | { readonly property: string; readonly operator: '$in' | '$nin'; readonly values: readonly Value[] }
  | { readonly property: string; readonly operator: '$lt' | '$lte' | '$gt' | '$gte'; readonly value: string | number };

const isValue = (value: unknown): value is Value =>
  value === null ||
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value));

/** Only the first 64 bytes of a string are indexed, so only they can be compared. */
const comparable = <T extends Value>(value: T): T | string =>
  typeof value === 'string' ? indexedPrefix(value) : value;

const parseOperator = (property: string, operator: string, operand: unknown): Clause | string => {
  switch (operator) {
    case '$eq':
    case '$ne':
      return isValue(operand)
        ? { property, operator, value: comparable(operand) }
        : `${operator} of "${property}" takes a string, number, boolean or null`;
    case '$in':
    case '$nin':
      return Array.isArray(operand) && operand.length > 0 && operand.every(isValue)
        ? { property, operator, values: operand.map(comparable) }
        : `${operator} of "${property}" takes a non-empty array of strings, numbers, booleans or nulls`;
    case '$lt':
    case '$lte':
    case '$gt':
    case '$gte':
      return typeof operand === 'string' || (typeof operand === 'number' && Number.isFinite(operand))
        ? { property, operator, value: typeof operand === 'string' ? indexedPrefix(operand) : operand }
        : `${operator} of "${property}" takes a string or a number`;
    default:
      return `"${property}" has the unknown operator ${JSON.stringify(operator)}`;
  }
};

const UPPER = ['$lt', '$lte'];
const LOWER = ['$gt', '$gte'];

/** Several operators on one property: only one upper bound with one lower bound. */
const badCombination = (operators: readonly string[]): boolean => {
  if (operators.length < 2) return operators.length === 0;
  const uppers = operators.filter((operator) => UPPER.includes(operator)).length;
  const lowers = operators.filter((operator) => LOWER.includes(operator)).length;
  return operators.length !== 2 || uppers !== 1 || lowers !== 1;
};

export const parseFilter = (filter: unknown): Answer<readonly Clause[]> => {
  const bad = (why: string) => refuse(BAD_FILTER, `invalid filter: ${why}`);
  if (!isRecord(filter) || Object.keys(filter).length === 0) return bad('it must be a non-empty object');
  const bytes = utf8Length(JSON.stringify(filter));
  if (bytes >= VECTORIZE_MAX_FILTER_BYTES) {
    return bad(`its compact JSON must be less than ${VECTORIZE_MAX_FILTER_BYTES} bytes, got ${bytes} bytes`);
  }
  const clauses: Clause[] = [];
  for (const [property, condition] of Object.entries(filter)) {
    for (const key of property.split('.')) {
      const problem = key.includes('|') ? `key "${key}" cannot contain |` : keyProblem(key);
      if (problem !== null) return bad(problem);
    }
    const operations: [string, unknown][] = isRecord(condition) ? Object.entries(condition) : [['$eq', condition]];
    if (badCombination(operations.map(([operator]) => operator))) {
      return bad(`"${property}" combines operators other than one upper bound with one lower bound`);
    }
    for (const [operator, operand] of operations) {
      const clause = parseOperator(property, operator, operand);
      if (typeof clause === 'string') return bad(clause);
      clauses.push(clause);
    }
  }
  return answer(clauses);
};

/** Sign of value − bound, or NaN where they cannot be ordered; NaN makes every range false. */
const order = (value: Scalar | undefined, bound: string | number): number => {
  if (typeof value === 'number' && typeof bound === 'number') return value - bound;
  if (typeof value === 'string' && typeof bound === 'string') return compareBytes(value, bound);
  return Number.NaN;
};

const holds = (clause: Clause, value: Scalar | undefined): boolean => {
  switch (clause.operator) {
    case '$eq':
      return (value ?? null) === clause.value;
    case '$ne':
      return (value ?? null) !== clause.value;
    case '$in':
      return clause.values.includes(value ?? null);
    case '$nin':
      return !clause.values.includes(value ?? null);
    case '$lt':
      return order(value, clause.value) < 0;
    case '$lte':
      return order(value, clause.value) <= 0;
    case '$gt':
      return order(value, clause.value) > 0;
    case '$gte':
      return order(value, clause.value) >= 0;
  }
};

export const matches = (clauses: readonly Clause[], indexed: Indexed | null): boolean =>
  clauses.every((clause) => holds(clause, indexed?.[clause.property]));
