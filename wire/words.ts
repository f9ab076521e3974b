// What a schema says when a value does not fit: the value, then what it may be (`is 1000, the limit is 200`), in place of
// the library's own phrases, which name the limit only. A schema's own messages come first.
import type { z } from 'zod';
import { MAX_SHOWN_CHARACTERS, MAX_SHOWN_KEYS } from './limits.ts';

/** At most so many characters of a text, the last one a sign that more follows. */
export const shortened = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

/** A caller's value, echoed back: short, and never walked where it may be large. */
export const shown = (value: unknown): string => {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  return shortened(JSON.stringify(value.slice(0, MAX_SHOWN_CHARACTERS)), MAX_SHOWN_CHARACTERS);
};

/** Names of unknown keys: the first few of them, and how many more there are. */
const shownKeys = (keys: readonly string[]): string => {
  const named = keys.slice(0, MAX_SHOWN_KEYS).map((key) => `'${shortened(key, MAX_SHOWN_CHARACTERS)}'`);
  const more = keys.length - named.length;
  return more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`;
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

/** What the one form of a union says whose kind the value has; undefined if there is none, or more than one. */
const nearest = (forms: readonly (readonly z.core.$ZodIssue[])[]): string | undefined => {
  const ofItsKind = forms.filter(([first]) => !(first?.code === 'invalid_type' && first.path.length === 0));
  const [issue] = ofItsKind[0] ?? [];
  if (ofItsKind.length !== 1 || issue === undefined) return undefined;
  const path = issue.path.map((part) => shortened(String(part), MAX_SHOWN_CHARACTERS)).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
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
      return `${shownKeys(issue.keys)} ${issue.keys.length === 1 ? 'is' : 'are'} not known here`;
    case 'invalid_union':
      return input === undefined
        ? 'is missing'
        : (nearest(issue.errors) ?? `is ${shown(input)}, which is none of the forms it may have`);
    default:
      return undefined;
  }
};
