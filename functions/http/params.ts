// Parameters of a path or a query by the same kind of schema as bodies.
import type { z } from 'zod';
import { problem } from '../../wire/body.ts';
import { FaultError } from '../../wire/faults.ts';
import { inWords } from '../../wire/words.ts';

/** Parameters of a path or query as typed values; throws bad_field. */
export const parseParams = <Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  name = 'query',
): z.output<Schema> => {
  const parsed = schema.safeParse(value, { error: inWords });
  if (parsed.success) return parsed.data;
  throw new FaultError({ kind: 'bad_field', ...(problem(parsed, name) ?? { param: name, message: 'does not fit' }) });
};
