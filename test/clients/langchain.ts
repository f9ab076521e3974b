// LangChain's models over OpenAI's API: ChatOpenAI, OpenAI and OpenAIEmbeddings.
import type { UsageMetadata } from '@langchain/core/messages';
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { type Ask, type Client, counting, type Server, type Told } from './client.ts';
import { failureOf } from './openai-sdk.ts';

type Outcome = Omit<Told, 'attempts'>;

const gathered = async <Chunk>(
  { leaveAfter }: Ask,
  signal: AbortSignal,
  begin: (signal: AbortSignal) => Promise<AsyncIterable<Chunk>>,
  textOf: (chunk: Chunk) => string,
): Promise<Outcome> => {
  const pieces: string[] = [];
  // a `break` would be heard only with the next token: LangChain's streams are read ahead
  const leave = new AbortController();
  try {
    for await (const chunk of await begin(AbortSignal.any([signal, leave.signal]))) {
      const text = textOf(chunk);
      if (text !== '') pieces.push(text);
      if (pieces.length === leaveAfter) leave.abort();
    }
  } catch (error) {
    if (!leave.signal.aborted) throw error;
  }
  return { text: pieces.join(''), pieces: pieces.length };
};

const work = async (
  server: Server,
  fetch: typeof globalThis.fetch,
  ask: Ask,
  signal: AbortSignal,
): Promise<Outcome> => {
  const { model: name = '', input = '', system, sift, events, temperature } = ask;
  const fields = {
    apiKey: ask.key ?? server.key,
    model: name,
    configuration: { baseURL: server.baseURL, fetch },
    maxRetries: ask.maxRetries ?? 0,
    ...(temperature === undefined ? {} : { temperature }),
    modelKwargs: {
      ...(sift === undefined ? {} : { sift }),
      ...(events === true ? { stream_options: { include_usage: true, include_sift: true } } : {}),
    },
  };
  const messages: [string, string][] = [
    ...(system === undefined ? [] : [['system', system] as [string, string]]),
    ['user', String(input)],
  ];
  switch (ask.do) {
    case 'chat': {
      const answer = await new ChatOpenAI(fields).invoke(messages, { signal });
      const usage = answer.usage_metadata as UsageMetadata | undefined;
      return { text: answer.text, tokens: { prompt: usage?.input_tokens, completion: usage?.output_tokens } };
    }
    case 'stream':
      return gathered(
        ask,
        signal,
        (its) => new ChatOpenAI(fields).stream(messages, { signal: its }),
        ({ text }) => text,
      );
    case 'complete':
      return { text: await new OpenAI(fields).invoke(String(input), { signal }) };
    case 'streamText':
      return gathered(
        ask,
        signal,
        (its) => new OpenAI(fields).stream(String(input), { signal: its }),
        (text) => text,
      );
    case 'embed': {
      const encodingFormat = ask.format === undefined ? {} : { encodingFormat: ask.format };
      return { vectors: await new OpenAIEmbeddings({ ...fields, ...encodingFormat }).embedDocuments([...input]) };
    }
    default:
      throw new Error(`LangChain has no way to ask for ${ask.do}`);
  }
};

export const langChain =
  (server: Server): Client =>
  async (ask, signal) => {
    const { fetch, count } = counting();
    try {
      return { ...(await work(server, fetch, ask, signal)), attempts: count() };
    } catch (error) {
      return { error: failureOf(error), attempts: count() };
    }
  };
