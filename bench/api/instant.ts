// A backend that answers at once: what is left of a request's time is the gateway's and the edge's own.
import type { Backend, Model, Session } from '../../gateway/backends/contract.ts';

const MODEL: Model = {
  id: 'base',
  contextTokens: 100_000,
  parameters: 1,
  revision: 'instant',
  chat: 'plain',
  capabilities: {
    methods: ['full', 'lora'],
    maxRank: 256,
    logprobs: false,
    topLogprobs: 0,
    penalties: false,
    streaming: true,
    pipelined: true,
  },
  defaults: { method: 'lora', rank: 8, learningRate: { full: 5e-4, lora: 5e-3 }, from: 'size' },
};

const session = (): Session => ({
  async check() {},
  count: async (prompts) => prompts.map(() => 1),
  cut: async (prompt) => ({ prompt, kept: 1, dropped: 0 }),
  async *train(examples) {
    for (const _ of examples) yield { loss: 1, tokens: 1, truncated: false, ms: 0, reused: false };
  },
  async *losses(examples) {
    for (const _ of examples) yield 1;
  },
  async restart() {},
  async *generate() {
    yield { text: 'an', tokens: 1 };
    yield { text: ' answer', tokens: 2 };
    return { finishReason: 'stop', promptTokens: 1, completionTokens: 2 };
  },
  score: async (_, text) => ({ bits: text.length, bytes: text.length, tokens: 1 }),
  async close() {},
});

export const instantBackend = (): Backend => ({
  models: [MODEL],
  concurrency: 64,
  open: async () => session(),
  close: async () => {},
});
