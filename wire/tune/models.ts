// The gateway's models, as it tells the edge.
import * as z from 'zod';

/** GET /v1/models of the gateway. */
export const modelsResponse = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      context_tokens: z.int(),
      parameters: z.int(),
      // what follows as optional is absent from gateways that are older
      /** How conversations are written: by the checkpoint's own template, or plainly (docs/chat.md). */
      chat: z.enum(['own', 'plain']).optional(),
      /** Alternatives that can be told beside a token, where capabilities.logprobs says that it can be told at all. */
      max_logprobs: z.int().optional(),
      defaults: z.object({
        method: z.enum(['full', 'lora']),
        rank: z.int(),
        learning_rate: z.object({ full: z.number(), lora: z.number() }),
        from: z.enum(['given', 'measured', 'size']),
      }),
      capabilities: z.object({
        methods: z.array(z.enum(['full', 'lora'])),
        max_rank: z.int(),
        logprobs: z.boolean(),
        streaming: z.boolean().optional(),
        /** Whether presence_penalty and frequency_penalty are there. */
        penalties: z.boolean().optional(),
      }),
    }),
  ),
});
