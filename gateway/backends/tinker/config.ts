// What a backend of type `tinker` needs to be told. Addresses come from here alone: https, or http to this machine itself
// (elsewhere only where `plainHttp` says so), without user, query or fragment. A key is named by the environment variable that holds it, so that the file can be shown.
import { z } from 'zod';
import {
  MAX_BACKEND_CONCURRENCY,
  MAX_BACKEND_MODELS,
  MAX_BACKEND_SERVERS,
  MAX_MODEL_NAME,
  MAX_RANK,
} from '../../../wire/limits.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Why an address is not taken; undefined where it is. */
const wrongAddress = (text: string): string | undefined => {
  if (!URL.canParse(text)) return 'is no address';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'holds a user name or a password; keys go into keyEnv';
  if (url.search !== '' || url.hash !== '') return 'has a query or a fragment';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return `is ${url.protocol}, it must be https:`;
  return undefined;
};

const address = z.string().transform((text, context) => {
  const wrong = wrongAddress(text);
  if (wrong === undefined) return new URL(text.endsWith('/') ? text : `${text}/`);
  context.addIssue({ code: 'custom', message: wrong });
  return z.NEVER;
});

const PLAIN_HTTP =
  'is http:, which only goes to this machine itself; use https:, or say "plainHttp": true where a private network carries it';

const server = z
  .strictObject({
    url: address,
    /** Takes http to another machine too: key and texts are then readable by whoever can listen on that network. */
    plainHttp: z.boolean().default(false),
    /** The environment variable that holds the key; without it no key is sent. */
    keyEnv: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable')
      .optional(),
  })
  .superRefine(({ url, plainHttp }, context) => {
    if (url.protocol === 'https:' || plainHttp || LOOPBACK.test(url.hostname)) return;
    context.addIssue({ code: 'custom', path: ['url'], message: PLAIN_HTTP });
  });

const model = z.strictObject({
  /** What callers call it. */
  name: z.string().min(1).max(MAX_MODEL_NAME),
  /** What the servers call it; the same by default. */
  serverName: z.string().min(1).max(MAX_MODEL_NAME).optional(),
  /** A directory with tokenizer.json and config.json; needed where no server hands them out. */
  tokenizer: z.string().min(1).optional(),
  /** Needed where the servers do not tell. */
  parameters: z.int().min(1).optional(),
  contextTokens: z.int().min(2).optional(),
  /** The highest rank that the servers take, where they do not tell. */
  maxRank: z.int().min(1).max(MAX_RANK).optional(),
});

export const tinkerConfig = z.strictObject({
  type: z.literal('tinker'),
  servers: z.array(server).min(1).max(MAX_BACKEND_SERVERS),
  models: z.array(model).min(1).max(MAX_BACKEND_MODELS),
  /** Sessions at once, over all servers. */
  concurrency: z.int().min(1).max(MAX_BACKEND_CONCURRENCY).optional(),
  /** How tensors travel: `json` for servers older than SDK 0.25. */
  encoding: z.enum(['protobuf', 'json']).default('protobuf'),
});

export type TinkerConfig = z.output<typeof tinkerConfig>;
export type ModelConfig = TinkerConfig['models'][number];
