// Text to ids, exactly as transformers 5 and tokenizers 0.22 do it: what an embedder needs of a tokenizer.json, in a Worker
// too. Whatever is not computed alike is refused with its name, since wrong ids give plausible nonsense.
import { z } from 'zod';
import { type AddedToken, addedTokens } from './added.ts';
import { vocabulary } from './model.ts';
import { normalizer } from './normalize.ts';
import { preTokenizer } from './split.ts';
import { template } from './template.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface Encoder {
  /** What the template puts before and after a text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Ids of a text without its template; `restore` is for what stands between added tokens, once these were found. */
  encode(text: string, restore?: (text: string) => string): number[];
  readonly model: Vocabulary;
  readonly added: readonly AddedToken[];
}

const addedToken = z.object({
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().optional(),
  special: z.boolean().default(false),
});
const file = z.object({
  added_tokens: z.array(addedToken.extend({ id: z.int().min(0) })).default([]),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  post_processor: z.unknown(),
  model: z.unknown(),
});
const named = z.union([z.string(), addedToken]).nullish();
const config = z.looseObject({
  added_tokens_decoder: z.record(z.string(), addedToken).nullish(),
  bos_token: named,
  eos_token: named,
  unk_token: named,
  sep_token: named,
  pad_token: named,
  cls_token: named,
  mask_token: named,
  additional_special_tokens: z.array(z.union([z.string(), addedToken])).nullish(),
  extra_special_tokens: z.union([z.array(z.union([z.string(), addedToken])), z.record(z.string(), named)]).nullish(),
  split_special_tokens: z.boolean().nullish(),
  do_lower_case: z.boolean().nullish(),
  strip_accents: z.boolean().nullish(),
  tokenize_chinese_chars: z.boolean().nullish(),
});
type TokenizerConfig = z.output<typeof config>;

const issueOf = ({ issues: [issue] }: z.ZodError): string => `${issue?.path.join('.')}: ${issue?.message}`;

/**
 * The added tokens in transformers' order: tokenizer.json's, then tokenizer_config.json's own, then its named tokens. A
 * token that is already known keeps its id; one that is in the model's vocabulary has that one's; any other gets the next.
 */
const gather = (
  listed: z.output<typeof file>['added_tokens'],
  { added_tokens_decoder, additional_special_tokens, extra_special_tokens, ...others }: TokenizerConfig,
  ids: ReadonlyMap<string, number>,
): AddedToken[] => {
  const tokens = new Map<string, AddedToken>();
  let highest = -1;
  const add = ({ content, ...flags }: z.output<typeof addedToken>): void => {
    if (content === '') return;
    const before = tokens.get(content);
    const id = before?.id ?? ids.get(content) ?? (highest >= ids.size ? highest + 1 : ids.size);
    highest = Math.max(highest, id);
    const special = flags.special || before?.special === true; // once special, always left out of a text
    tokens.set(content, { ...flags, content, id, special, normalized: flags.normalized ?? !flags.special });
  };
  for (const token of listed) if (!tokens.has(token.content)) add(token);
  const own = Object.entries(added_tokens_decoder ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  for (const [, token] of own) add(token);
  const extra = Array.isArray(extra_special_tokens) ? extra_special_tokens : Object.values(extra_special_tokens ?? {});
  const { bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token } = others;
  const names = [bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token];
  for (const name of [...names, ...(additional_special_tokens ?? []), ...extra]) {
    if (name === null || name === undefined) continue;
    const token = typeof name === 'string' ? addedToken.parse({ content: name }) : name;
    const before = tokens.get(token.content);
    if (before === undefined) add({ ...token, special: true });
    else tokens.set(token.content, { ...before, special: true });
  }
  return [...tokens.values()];
};

/** BERT's normalizer as tokenizer_config.json has it, which comes before tokenizer.json in transformers 4 and 5. */
const configured = (normalizerJson: unknown, config: TokenizerConfig): unknown => {
  const { success } = z.looseObject({ type: z.literal('BertNormalizer') }).safeParse(normalizerJson);
  if (!success) return normalizerJson;
  const { do_lower_case, strip_accents, tokenize_chinese_chars } = config;
  return Object.assign(
    {},
    normalizerJson,
    typeof do_lower_case === 'boolean' && { lowercase: do_lower_case },
    strip_accents !== undefined && { strip_accents },
    typeof tokenize_chinese_chars === 'boolean' && { handle_chinese_chars: tokenize_chinese_chars },
  );
};

/** Throws a sentence on what is not computed here as transformers computes it. */
export const createEncoder = (json: unknown, configJson: unknown): Encoder => {
  const parsed = file.safeParse(json);
  if (!parsed.success) throw new Error(issueOf(parsed.error));
  const parsedConfig = config.safeParse(configJson);
  if (!parsedConfig.success) throw new Error(`tokenizer_config.json: ${issueOf(parsedConfig.error)}`);
  const model = vocabulary(parsed.data.model);
  const normalize = normalizer(configured(parsed.data.normalizer, parsedConfig.data));
  const split = preTokenizer(parsed.data.pre_tokenizer);
  const { before, after } = template(parsed.data.post_processor);
  const added = gather(parsed.data.added_tokens, parsedConfig.data, model.ids);
  const searched = parsedConfig.data.split_special_tokens === true ? added.filter(({ special }) => !special) : added;
  const sections = addedTokens(searched, normalize);
  return {
    before,
    after,
    model,
    added,
    encode: (text, restore = (between) => between) =>
      // half a surrogate pair is U+FFFD, as it would be on its way to a tokenizer
      sections(text.toWellFormed()).flatMap((section) =>
        'id' in section
          ? [section.id]
          : split({ ...section, text: restore(section.text) }).flatMap((piece) => model.encode(piece.text)),
      ),
  };
};
