// What a schema says when a value does not fit: the value, then what it may be (`is 1000, the limit is 200`), in place of
// the library's own phrases, which name the limit only. A schema's own messages come first.
import type { z } from 'zod';

/** Characters of a caller's value that are repeated to him. */
const MAX_SHOWN = 60;

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1)}…`;
};

const KINDS: Record<string, string> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** A length for what has one, else the value itself. */
const measured = (input: unknown, origin: string): string => {
  if (typeof input === 'string') return `is ${input.length} characters`;
  if (Array.isArray(input)) return `has ${input.length} entries`;
  return `is ${origin === 'object' || origin === 'set' ? 'of another size' : shown(input)}`;
};

export const inWords: z.core.$ZodErrorMap = (issue) => {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type':
      return input === undefined
        ? 'is missing'
        : `is ${shown(input)}, it must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'too_big':
      return `${measured(input, issue.origin)}, the limit is ${issue.inclusive === false ? 'below ' : ''}${issue.maximum}`;
    case 'too_small':
      if (input === '' && Number(issue.minimum) === 1) return 'is empty';
      return `${measured(input, issue.origin)}, it must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}`;
    case 'invalid_value':
      return `is ${shown(input)}, it must be ${issue.values.map((value) => String(value)).join(' or ')}`;
    case 'unrecognized_keys':
      return `${issue.keys.map((key) => `'${key}'`).join(', ')} is not known here`;
    case 'invalid_union':
      return input === undefined ? 'is missing' : `is ${shown(input)}, which is none of the forms it may have`;
    default:
      return undefined;
  }
};
