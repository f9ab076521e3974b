// What a server says that it serves (get_server_capabilities): the models of Tinker's own protocol, and beside them the
// extension `sift`, by which our GPU server tells sizes and methods and offers streams and files. A server without it
// serves LoRA alone, and one sample as a whole.
import { z } from 'zod';
import { MAX_RANK } from '../../../wire/limits.ts';

const count = z.int().min(1);

const siftModel = z.object({
  parameters: count,
  context_tokens: count,
  max_train_tokens: count.optional(),
  methods: z.array(z.enum(['lora', 'full'])).min(1),
  max_rank: count.optional(),
  revision: z.string().optional(),
});

const sift = z.object({
  version: z.literal(1),
  models: z.record(z.string(), siftModel),
  stream: z.boolean().default(false),
  tokenizer: z.boolean().default(false),
  adapters: z.boolean().default(false),
  slots: z.int().min(0).optional(),
});

const schema = z.object({
  supported_models: z.array(
    z.object({
      model_name: z.string().nullish(),
      max_context_length: count.nullish(),
      trainable: z.boolean().nullish(),
      sampleable: z.boolean().nullish(),
    }),
  ),
  // one of another version is as none: what it means is not known here
  sift: sift.optional().catch(undefined),
});

/** A model as one server offers it. */
export interface Offer {
  readonly contextTokens: number | undefined;
  readonly trainTokens: number | undefined;
  readonly parameters: number | undefined;
  readonly methods: readonly ('lora' | 'full')[];
  readonly maxRank: number | undefined;
  /** A fingerprint of configuration and weights. */
  readonly revision: string | undefined;
}

export interface Capabilities {
  /** By the server's own name of the model. */
  readonly offers: ReadonlyMap<string, Offer>;
  /** Samples token by token. */
  readonly streams: boolean;
  /** Hands out the models' tokenizers and configurations. */
  readonly files: boolean;
  /** Keeps adapters beyond their session. */
  readonly adapters: boolean;
  /** Models and samplers that it holds at once. */
  readonly slots: number | undefined;
  /** Whether the extension is there: work of every kind can be cancelled, and full fine-tuning be asked for. */
  readonly extended: boolean;
}

/** Throws a sentence where the answer is none of the protocol's. */
export const parseCapabilities = (value: unknown): Capabilities => {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`capabilities: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { supported_models, sift: extension } = parsed.data;
  const offers = new Map<string, Offer>();
  for (const { model_name, max_context_length, trainable } of supported_models) {
    if (model_name == null || trainable === false) continue;
    const own = extension?.models[model_name];
    offers.set(model_name, {
      contextTokens: own?.context_tokens ?? max_context_length ?? undefined,
      trainTokens: own?.max_train_tokens,
      parameters: own?.parameters,
      methods: own?.methods ?? ['lora'],
      maxRank: own?.max_rank === undefined ? undefined : Math.min(MAX_RANK, own.max_rank),
      revision: own?.revision,
    });
  }
  return {
    offers,
    streams: extension?.stream ?? false,
    files: extension?.tokenizer ?? false,
    adapters: extension?.adapters ?? false,
    slots: extension?.slots,
    extended: extension !== undefined,
  };
};
