// Normalizers of tokenizer.json: text in, text out, as tokenizers 0.22 changes it. @huggingface/tokenizers' own differ in
// places (Strip cuts U+FEFF, Lowercase knows a final sigma, Prepend changes an empty text, Replace reads $1, Precompiled
// guesses at NFKC, BertNormalizer knows other controls and accents), so they are written out here. Others are refused by
// name.
import { z } from 'zod';
import { bertNormalizer, lowerCase, nmt } from './bert.ts';
import { expression, marks, normalizing, pattern, spaceAfter, spaceBefore } from './characters.ts';
import { precompiled } from './precompiled.ts';

export type Normalize = (text: string) => string;

const configs = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'Nmt', 'StripAccents']) }),
  z.object({
    type: z.literal('BertNormalizer'),
    clean_text: z.boolean().default(true),
    handle_chinese_chars: z.boolean().default(true),
    strip_accents: z.boolean().nullable().default(null),
    lowercase: z.boolean().default(true),
  }),
  z.object({ type: z.literal('Precompiled'), precompiled_charsmap: z.string() }),
  z.object({ type: z.literal('Prepend'), prepend: z.string() }),
  z.object({ type: z.literal('Replace'), pattern, content: z.string() }),
  z.object({ type: z.literal('Strip'), strip_left: z.boolean(), strip_right: z.boolean() }),
  z.object({ type: z.literal('Sequence'), normalizers: z.array(z.unknown()) }),
]);

/** A normal form of the library's Unicode, which is older than JavaScript's: characters since then stay as they are. */
const formOf =
  (form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Normalize =>
  (text) =>
    text.replace(normalizing, (run) => run.normalize(form));

const one = (config: Exclude<z.output<typeof configs>, { type: 'Sequence' }>): Normalize => {
  switch (config.type) {
    case 'BertNormalizer':
      return bertNormalizer(config, formOf('NFD'));
    case 'Lowercase':
      return lowerCase;
    case 'Nmt':
      return nmt;
    case 'Precompiled':
      return precompiled(config.precompiled_charsmap);
    case 'StripAccents':
      return (text) => text.replace(marks, '');
    case 'Prepend':
      return (text) => (text === '' ? '' : config.prepend + text);
    case 'Replace': {
      const found = expression(config.pattern);
      return (text) => text.replace(found, () => config.content);
    }
    case 'Strip':
      return (text) => {
        const from = config.strip_left ? spaceAfter(text, 0) : 0;
        return text.slice(from, config.strip_right ? Math.max(from, spaceBefore(text, text.length)) : text.length);
      };
    default:
      return formOf(config.type);
  }
};

/** The normalizer that a tokenizer.json describes; throws a sentence that names what is not known here. */
export const normalizer = (config: unknown): Normalize => {
  if (config === null || config === undefined) return (text) => text;
  const parsed = configs.safeParse(config);
  if (!parsed.success) throw new Error(unknownComponent('normalizer', config, parsed.error));
  if (parsed.data.type !== 'Sequence') return one(parsed.data);
  const steps = parsed.data.normalizers.map(normalizer);
  return (text) => steps.reduce((changed, step) => step(changed), text);
};

/** One sentence on a component that is not known, or known with other fields. */
export const unknownComponent = (kind: string, config: unknown, error: z.ZodError): string => {
  const type = z.looseObject({ type: z.string() }).safeParse(config).data?.type;
  const [issue] = error.issues;
  if (type === undefined) return `its ${kind} has no type`;
  if (issue === undefined || issue.path[0] === 'type' || issue.code === 'invalid_union') {
    return `the ${kind} ${type} is not implemented here`;
  }
  return `the ${kind} ${type}: ${issue.path.join('.')}: ${issue.message}`;
};
