// What a tokenizer puts around a text: the post-processor of tokenizer.json, which is the one place that transformers 5
// reads it from (it drops add_bos_token of tokenizer_config.json). A text that itself begins with the words of the
// beginning gets a second one, as there.
import { z } from 'zod';
import { unknownComponent } from './normalize.ts';

export interface Template {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const marked = z.tuple([z.string(), z.int().min(0)]);
const configs = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel') }),
  z.object({ type: z.enum(['BertProcessing', 'RobertaProcessing']), cls: marked, sep: marked }),
  z.object({
    type: z.literal('TemplateProcessing'),
    single: z.array(
      z.union([
        z.object({ SpecialToken: z.object({ id: z.string() }) }),
        z.object({ Sequence: z.object({ id: z.literal('A') }) }),
      ]),
    ),
    special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int().min(0)) })),
  }),
  z.object({ type: z.literal('Sequence'), processors: z.array(z.unknown()) }),
]);

/** The template that a tokenizer.json describes; throws a sentence that names what is not known here. */
export const template = (config: unknown): Template => {
  if (config === null || config === undefined) return { before: [], after: [] };
  const parsed = configs.safeParse(config);
  if (!parsed.success) throw new Error(unknownComponent('post-processor', config, parsed.error));
  const known = parsed.data;
  switch (known.type) {
    case 'ByteLevel':
      return { before: [], after: [] };
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [known.cls[1]], after: [known.sep[1]] };
    case 'Sequence':
      return known.processors.map(template).reduce(
        (inner, outer) => ({
          before: [...outer.before, ...inner.before],
          after: [...inner.after, ...outer.after],
        }),
        { before: [], after: [] },
      );
    case 'TemplateProcessing': {
      const idsOf = (name: string): readonly number[] => {
        const special = known.special_tokens[name];
        if (special === undefined) throw new Error(`its template has no ids for ${name}`);
        return special.ids;
      };
      const places = known.single.filter((part) => 'Sequence' in part).length;
      if (places !== 1) throw new Error(`its template has the text ${places} times, this needs it once`);
      const place = known.single.findIndex((part) => 'Sequence' in part);
      const ids = (parts: typeof known.single) =>
        parts.flatMap((part) => ('SpecialToken' in part ? idsOf(part.SpecialToken.id) : []));
      return { before: ids(known.single.slice(0, place)), after: ids(known.single.slice(place + 1)) };
    }
  }
};
