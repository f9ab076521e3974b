// Vercel's AI SDK with its provider for servers that speak as OpenAI does.
import { createOpenAICompatible, type MetadataExtractor } from '@ai-sdk/openai-compatible';
import { APICallError, embedMany, generateText, RetryError, streamText } from 'ai';
import { type Ask, type Client, counting, type Failure, type Server, type Told } from './client.ts';

type Outcome = Omit<Told, 'attempts'>;

const failureOf = (error: unknown): Failure => {
  const last = RetryError.isInstance(error) ? error.lastError : error;
  const { name, message } = last as Error;
  if (!APICallError.isInstance(last)) return { name, message, status: null, code: null, param: null };
  const { code = null, param = null } = (last.data as { error?: Partial<Failure> } | undefined)?.error ?? {};
  return { name, message, status: last.statusCode ?? null, code, param };
};

type Answered = { readonly sift?: object };

/** What was selected, in the way that the SDK has for what is not OpenAI's. */
const metadataExtractor: MetadataExtractor = {
  extractMetadata: async ({ parsedBody }) => ({
    edge: { sift: JSON.parse(JSON.stringify((parsedBody as Answered).sift ?? null)) },
  }),
  createStreamExtractor: () => {
    const events: object[] = [];
    return {
      processChunk: (chunk) => {
        const { sift } = chunk as Answered;
        if (sift !== undefined) events.push(sift);
      },
      buildMetadata: () => ({ edge: { sift: JSON.parse(JSON.stringify(events)) } }),
    };
  },
};

const work = async (
  provider: ReturnType<typeof createOpenAICompatible>,
  ask: Ask,
  signal: AbortSignal,
): Promise<Outcome> => {
  const { model: name = '', input = '', sift, events, leaveAfter, temperature, system } = ask;
  const chats = ask.do === 'chat' || ask.do === 'stream';
  const options = {
    model: chats ? provider.chatModel(name) : provider.completionModel(name),
    prompt: String(input),
    maxRetries: ask.maxRetries ?? 0,
    abortSignal: signal,
    ...(system === undefined ? {} : { system }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(sift === undefined ? {} : { providerOptions: { edge: { sift: JSON.parse(JSON.stringify(sift)) } } }),
    ...(events === true ? { headers: { 'x-sift-events': '1' } } : {}),
  };
  switch (ask.do) {
    case 'chat':
    case 'complete': {
      const { text, usage, providerMetadata } = await generateText(options);
      const tokens = { prompt: usage.inputTokens, completion: usage.outputTokens };
      return { text, tokens, sift: providerMetadata?.edge?.sift };
    }
    case 'stream':
    case 'streamText': {
      const leave = new AbortController();
      const abortSignal = AbortSignal.any([signal, leave.signal]);
      // without onError the SDK writes errors to the console; they come as parts of the stream as well
      const result = streamText({ ...options, abortSignal, onError: () => {} });
      const pieces: string[] = [];
      for await (const part of result.fullStream) {
        if (part.type === 'error') throw part.error;
        if (part.type === 'abort') {
          if (leave.signal.aborted) return { text: pieces.join(''), pieces: pieces.length };
          throw new DOMException('the caller left', 'AbortError');
        }
        if (part.type === 'text-delta') pieces.push(part.text);
        if (pieces.length === leaveAfter) leave.abort();
      }
      const usage = await result.usage;
      const metadata = await result.providerMetadata;
      return {
        text: pieces.join(''),
        pieces: pieces.length,
        tokens: { prompt: usage.inputTokens, completion: usage.outputTokens },
        sift: metadata?.edge?.sift,
      };
    }
    case 'embed': {
      const model = provider.embeddingModel(name);
      const { embeddings } = await embedMany({ model, values: [...input], abortSignal: signal, maxRetries: 0 });
      return { vectors: embeddings };
    }
    default:
      throw new Error(`the AI SDK has no way to ask for ${ask.do}`);
  }
};

export const aiSdk =
  ({ baseURL, key }: Server): Client =>
  async (ask, signal) => {
    const { fetch, count } = counting();
    const options = { name: 'edge', baseURL, apiKey: ask.key ?? key, fetch, includeUsage: true, metadataExtractor };
    try {
      return { ...(await work(createOpenAICompatible(options), ask, signal)), attempts: count() };
    } catch (error) {
      return { error: failureOf(error), attempts: count() };
    }
  };
