// How a remote model's texts are read: its tokenizer and special tokens, from a directory or from a server that hands them
// out. The gateway tokenises itself (reading.ts), and only ids travel.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createTokenizer, type Tokenizer } from '../../../tokenizer/index.ts';
import { messageOf } from '../../../wire/message.ts';
import { type Chat, createChat } from '../text/chat/chat.ts';
import { CHAT_TEMPLATE, type ChatSource, chatSource, LEGACY_CHAT_TEMPLATE } from '../text/chat/source.ts';
import { specialTokens } from '../text/special.ts';

/** A file's text by its name; undefined where there is none. */
export type Files = (name: string) => Promise<string | undefined>;

export interface RemoteText {
  readonly tokenizer: Tokenizer;
  /** What the tokenizer is made of, for another one. */
  readonly parts: {
    readonly json: unknown;
    readonly settings: unknown;
    readonly rows: number;
    readonly chat: ChatSource | undefined;
  };
  readonly chat: Chat;
  readonly start: number;
  readonly ends: readonly number[];
  /** Of config.json. */
  readonly contextTokens: number | undefined;
  /** sift.json. */
  readonly defaults: string | undefined;
}

export const directoryFiles =
  (directory: string): Files =>
  async (name) => {
    const path = join(directory, name);
    return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new Error(`${path} cannot be read: ${error.message}`);
    });
  };

const token = z.int().min(0);
const special = { bos_token_id: token.nullish(), eos_token_id: z.union([token, z.array(token)]).nullish() };
const text = z.object({
  ...special,
  vocab_size: z.int().min(1).optional(),
  max_position_embeddings: z.int().optional(),
});
/** Models of several kinds of input have a configuration of their own for text. */
const config = text.extend({ text_config: text.optional() });
const generation = z.object(special);

const contentOf = z
  .union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)])
  .nullish();
const named = z.object({ bos_token: contentOf, eos_token: contentOf });
const vocabulary = z.object({
  added_tokens: z.array(z.object({ content: z.string(), id: token })).default([]),
});

const read = async <Schema extends z.ZodType>(
  files: Files,
  name: string,
  schema: Schema,
  where: string,
): Promise<z.output<Schema> | undefined> => {
  const content = await files(name);
  if (content === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new Error(`${where}: ${name} is not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where}: ${name}: ${[...(issue?.path ?? []), issue?.message].join(': ')}`);
};

/** `where` is named in errors. */
export const readText = async (files: Files, where: string): Promise<RemoteText> => {
  const json = await read(files, 'tokenizer.json', z.unknown(), where);
  if (json === undefined) throw new Error(`${where}: it has no tokenizer.json`);
  const settings = (await read(files, 'tokenizer_config.json', z.unknown(), where)) ?? {};
  const [ofModel, ofGeneration, defaults] = await Promise.all([
    read(files, 'config.json', config, where),
    read(files, 'generation_config.json', generation, where),
    files('sift.json'),
  ]);
  const own = { ...ofModel?.text_config, ...ofModel };
  const rows = own.vocab_size ?? ofModel?.text_config?.vocab_size ?? Number.MAX_SAFE_INTEGER;
  let tokenizer: Tokenizer;
  try {
    tokenizer = createTokenizer(json, settings, rows);
  } catch (error) {
    throw new Error(`${where}: tokenizer.json: ${messageOf(error)}`);
  }
  // without a config.json, the tokenizer's own names of its special tokens
  const names = named.safeParse(settings).data;
  const ids = new Map(vocabulary.parse(json).added_tokens.map(({ content, id }) => [content, id]));
  const idOf = (name: string | null | undefined): number | undefined => (name == null ? undefined : ids.get(name));
  const { start, ends } = specialTokens(
    {
      bos: own.bos_token_id ?? (ofModel === undefined ? idOf(names?.bos_token) : undefined),
      eos: own.eos_token_id ?? idOf(names?.eos_token),
    },
    { bos: ofGeneration?.bos_token_id, eos: ofGeneration?.eos_token_id },
  );
  const [first = start] = tokenizer.before;
  if (first === undefined) {
    throw new Error(
      `${where}: neither config.json nor its tokenizer names a bos or eos token, so a text has no beginning`,
    );
  }
  const [jinja, legacy] = await Promise.all([
    files(CHAT_TEMPLATE),
    read(files, LEGACY_CHAT_TEMPLATE, z.unknown(), where),
  ]);
  const chat = chatSource({ config: settings, jinja, legacy });
  const parts = { json, settings, rows, chat };
  return {
    tokenizer,
    chat: createChat(chat, tokenizer),
    parts,
    start: start ?? first,
    ends,
    contextTokens: own.max_position_embeddings,
    defaults,
  };
};
