// A metadata filter: Vectorize's own language, on `source` and on the caller's metadata as `meta.NAME`. Whatever Vectorize
// would refuse is refused here, in the caller's terms. Its size is bounded before the schema walks it.
import * as z from 'zod';
import { VECTORIZE_MAX_FILTER_BYTES, VECTORIZE_MAX_KEY_CHARACTERS } from '../limits.ts';
import { byteLength } from '../text.ts';

const UPPER = ['$lt', '$lte'];
const LOWER = ['$gt', '$gte'];

/** Several operators on one property: Vectorize takes an upper with a lower bound, and nothing else. */
const combine = (operators: readonly string[]): boolean =>
  operators.length === 1 ||
  (operators.length === 2 &&
    operators.some((operator) => UPPER.includes(operator)) &&
    operators.some((operator) => LOWER.includes(operator)));

/** null matches examples without the property. */
const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const bound = z.union([z.string(), z.number()]);
const values = z.array(value).min(1, 'is empty');

const operators = z
  .strictObject({
    $eq: value.optional(),
    $ne: value.optional(),
    $in: values.optional(),
    $nin: values.optional(),
    $lt: bound.optional(),
    $lte: bound.optional(),
    $gt: bound.optional(),
    $gte: bound.optional(),
  })
  .refine((given) => combine(Object.keys(given)), {
    error: 'must hold one operator, or an upper bound ($lt, $lte) with a lower one ($gt, $gte)',
  });

/** Names are nested by dots; a part may not be empty, begin with $, or hold `"` or `|`. */
const isProperty = (name: string): boolean =>
  name === 'source' ||
  (name.startsWith('meta.') &&
    name.split('.').every((part) => /^[^$"|][^"|]*$/.test(part) && part.length <= VECTORIZE_MAX_KEY_CHARACTERS));

const PROPERTY =
  "is no property of an example: a filter is on 'source' or 'meta.NAME', NAME without | or \", no part of it empty or $…";

/** Values, lists and objects inside, counted no further than `most`. The depth is bounded by wire/json.ts. */
const sizeUpTo = (root: unknown, most: number): number => {
  const open: unknown[] = [root];
  let count = 0;
  for (let next = open.pop(); count < most && next !== undefined; next = open.pop()) {
    count += 1;
    if (typeof next === 'string') count += next.length;
    else if (typeof next === 'object' && next !== null) {
      const children = Object.values(next);
      count += children.length;
      if (count < most) open.push(...children.filter((child) => child !== undefined));
    }
  }
  return count;
};

const bounded = z.custom<unknown>((given) => sizeUpTo(given, VECTORIZE_MAX_FILTER_BYTES) < VECTORIZE_MAX_FILTER_BYTES, {
  error: `must be under ${VECTORIZE_MAX_FILTER_BYTES} bytes as JSON`,
});

export const filter = bounded
  .pipe(
    z
      .record(
        z.string().refine(isProperty),
        z.union([value, operators], {
          error: (issue) =>
            typeof issue.input === 'object' && issue.input !== null && !Array.isArray(issue.input)
              ? undefined
              : 'is neither a value nor an object of $eq, $ne, $in, $nin, $lt, $lte, $gt, $gte',
        }),
        { error: (issue) => (issue.code === 'invalid_key' ? PROPERTY : undefined) },
      )
      .refine((given) => Object.keys(given).length > 0, 'is empty: leave it out to select from all examples')
      .refine((given) => byteLength(JSON.stringify(given)) < VECTORIZE_MAX_FILTER_BYTES, {
        error: `must be under ${VECTORIZE_MAX_FILTER_BYTES} bytes as JSON`,
      }),
  )
  .meta({ type: 'object', additionalProperties: true });
export type Filter = z.output<typeof filter>;
