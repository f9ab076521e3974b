// A checkpoint's tokenizer: text to ids and back, exactly as transformers 5 and tokenizers 0.22 do it. Read whole and
// checked at load: whatever is not computed alike is refused with its name, since wrong ids give plausible nonsense.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../../../wire/message.ts';
import { type AddedToken, addedTokens } from './added.ts';
import { utf8Bytes } from './bytes.ts';
import { decoder, type TokenStream, tokenStream } from './decode.ts';
import { normalizer } from './normalize.ts';
import { preTokenizer } from './split.ts';
import { template } from './template.ts';
import { vocabulary } from './vocabulary.ts';

export interface Tokenizer {
  /** What the template puts before and after a text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Ids of a text without its template. */
  encode(text: string): number[];
  /** Ids as text, special tokens left out. */
  decode(ids: readonly number[]): string;
  /** The text of further ids after those of `context`, as they come. */
  stream(context: readonly number[]): TokenStream;
  /** UTF-8 bytes that each id stands for, special tokens with their content: where in a text a token lies. */
  byteLengths(ids: readonly number[]): number[];
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
  decoder: z.unknown(),
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
});
export type TokenizerConfig = z.output<typeof config>;

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

/** Throws a sentence on what is not computed here as transformers computes it, or does not fit `rows` embeddings. */
export const createTokenizer = (json: unknown, configJson: unknown, rows: number): Tokenizer => {
  const parsed = file.safeParse(json);
  if (!parsed.success) throw new Error(issueOf(parsed.error));
  const parsedConfig = config.safeParse(configJson);
  if (!parsedConfig.success) throw new Error(`tokenizer_config.json: ${issueOf(parsedConfig.error)}`);
  const model = vocabulary(parsed.data.model);
  const normalize = normalizer(parsed.data.normalizer);
  const split = preTokenizer(parsed.data.pre_tokenizer);
  const decode = decoder(parsed.data.decoder);
  const { before, after } = template(parsed.data.post_processor);
  const added = gather(parsed.data.added_tokens, parsedConfig.data, model.ids);

  const outside = (what: string, id: number): never => {
    throw new Error(`${what} has id ${id}, but the model has only ${rows} embeddings`);
  };
  for (const { content, id } of [...parsed.data.added_tokens, ...added]) {
    if (id >= rows && content !== '') outside(`the token '${content}'`, id);
  }
  for (const [token, id] of model.producible()) if (id >= rows) outside(`the token '${token}'`, id);
  for (const id of [...before, ...after]) if (id >= rows) outside('a token of its template', id);

  const searched = parsedConfig.data.split_special_tokens === true ? added.filter(({ special }) => !special) : added;
  const sections = addedTokens(searched, normalize);
  const byId = new Map<number, { content: string; special: boolean }>();
  for (const [content, id] of model.ids) byId.set(id, { content, special: false });
  for (const { content, id, special } of added) byId.set(id, { content, special });
  const stream = (context: readonly number[]): TokenStream => tokenStream(decode, (id) => byId.get(id), context);

  return {
    before,
    after,
    encode: (text) =>
      sections(text).flatMap((section) =>
        'id' in section ? [section.id] : split(section).flatMap((piece) => model.encode(piece.text)),
      ),
    decode(ids) {
      const tokens = stream([]);
      let text = '';
      for (const id of ids) text += tokens.push(id).text;
      return text + tokens.end();
    },
    stream,
    byteLengths: (ids) =>
      ids.map((id, i) => {
        const token = byId.get(id);
        if (token === undefined) return 0;
        return (token.special ? utf8Bytes(token.content) : decode.bytes(token.content, i === 0)).length;
      }),
  };
};

/** Reads tokenizer.json and tokenizer_config.json (which may be missing) of a directory. */
export const readTokenizer = async (directory: string, rows: number): Promise<Tokenizer> => {
  const path = join(directory, 'tokenizer.json');
  const read = async (from: string): Promise<unknown> => {
    const text = await readFile(from, 'utf8');
    try {
      return JSON.parse(text);
    } catch {
      throw new Error('is not JSON');
    }
  };
  const json = await read(path).catch((error: unknown) => {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`);
  });
  const configPath = join(directory, 'tokenizer_config.json');
  const configJson = await read(configPath).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new Error(`${configPath} cannot be read: ${messageOf(error)}`);
  });
  try {
    return createTokenizer(json, configJson, rows);
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error)}`);
  }
};
