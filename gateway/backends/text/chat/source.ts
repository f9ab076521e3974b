// Where a checkpoint keeps its chat template: chat_template.jinja, as transformers writes it today, or else `chat_template`
// of tokenizer_config.json, a string or a list of named ones, or else chat_template.json. With it the names of special
// tokens that a template may use.
import { z } from 'zod';

export const CHAT_TEMPLATE = 'chat_template.jinja';
export const LEGACY_CHAT_TEMPLATE = 'chat_template.json';

/** As JSON, so that it can go to another thread or process. */
export type ChatSource = {
  /** Names of special tokens, such as bos_token. */
  readonly names: Readonly<Record<string, string>>;
} & (
  | { readonly template: string }
  /** There is a template, and it cannot be used: why. */
  | { readonly wrong: string }
);

export interface ChatFiles {
  /** tokenizer_config.json, parsed. */
  readonly config: unknown;
  /** chat_template.jinja. */
  readonly jinja?: string | undefined;
  /** chat_template.json, parsed. */
  readonly legacy?: unknown;
}

const named = z.array(z.object({ name: z.string(), template: z.string() }));
const holder = z.object({ chat_template: z.union([z.string(), named]).nullish() });
const NAMES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);
const token = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);

const namesOf = (config: unknown): Record<string, string> => {
  const fields = z.record(z.string(), z.unknown()).safeParse(config).data ?? {};
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      const { data } = token.safeParse(fields[name]);
      return data === undefined ? [] : [[name, data]];
    }),
  );
};

const templateIn = (file: unknown): { template: string } | { wrong: string } | undefined => {
  const held = z.record(z.string(), z.unknown()).safeParse(file).data?.chat_template;
  if (held === undefined || held === null) return undefined;
  const template = holder.safeParse(file).data?.chat_template;
  if (template === undefined || template === null) return { wrong: 'it is neither a text nor a list of named ones' };
  if (typeof template === 'string') return { template };
  const found = template.find(({ name }) => name === 'default');
  return found === undefined ? { wrong: "of several, none is named 'default'" } : { template: found.template };
};

/** Undefined where the checkpoint has none. */
export const chatSource = ({ config, jinja, legacy }: ChatFiles): ChatSource | undefined => {
  const found = jinja === undefined ? (templateIn(config) ?? templateIn(legacy)) : { template: jinja };
  return found === undefined ? undefined : { ...found, names: namesOf(config) };
};
