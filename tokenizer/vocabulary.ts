// What the model inside a tokenizer.json is to the rest: tokens with ids, and pieces of text that become ids.
import { z } from 'zod';

export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Ids of one piece of text. */
  encode(piece: string): readonly number[];
  /** Tokens that some text can become. A vocabulary may list others, beyond the model's embeddings too. */
  producible(): Iterable<readonly [token: string, id: number]>;
}

/** A `vocab` of words and their ids; not z.record, which takes half a second for 150,000 and drops `__proto__`. */
export const wordIds = z
  .custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  .transform((vocab, context): ReadonlyMap<string, number> => {
    const ids = new Map<string, number>(Object.entries(vocab));
    for (const [word, id] of ids) {
      if (!(Number.isInteger(id) && id >= 0)) {
        context.addIssue({ code: 'custom', message: `${JSON.stringify(word)} has id ${JSON.stringify(id)}` });
        return z.NEVER;
      }
    }
    return ids;
  });

export const modelProblem = ({ issues: [issue] }: z.ZodError): Error =>
  new Error(`its model: ${[issue?.path.join('.'), issue?.message].filter((part) => part !== '').join(': ')}`);
