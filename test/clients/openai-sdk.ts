// OpenAI's own SDK. Nothing of Node's is imported, since a browser runs this file too (browser.ts).
import OpenAI from 'openai';
import { type Ask, type Client, counting, type Failure, type Server, type Told } from './client.ts';

type Outcome = Omit<Told, 'attempts'>;

export const failureOf = (error: unknown): Failure => {
  const { name, message } = error as Error;
  const api = error instanceof OpenAI.APIError ? error : undefined;
  return {
    // the class: in OpenAI's SDK `name` is "Error" for most
    name: api?.constructor.name ?? name,
    message,
    status: api?.status ?? null,
    code: api?.code ?? null,
    param: api?.param ?? null,
  };
};

const fieldsOf = ({ model = '', sift, temperature, events }: Ask) => ({
  model,
  ...(temperature === undefined ? {} : { temperature }),
  // what is not OpenAI's: TypeScript wants a cast, the SDK sends it as it is
  ...(sift === undefined ? {} : { sift }),
  ...(events === true ? { stream_options: { include_usage: true, include_sift: true } } : {}),
});

const messagesOf = ({ system, input = '' }: Ask): OpenAI.ChatCompletionMessageParam[] => [
  ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
  { role: 'user', content: String(input) },
];

const usageOf = (usage: OpenAI.CompletionUsage | null | undefined): Pick<Outcome, 'tokens'> =>
  usage == null ? {} : { tokens: { prompt: usage.prompt_tokens, completion: usage.completion_tokens } };

type Chunk = { usage?: OpenAI.CompletionUsage | null; sift?: unknown };

const gathered = async <One extends Chunk>(
  { leaveAfter }: Ask,
  stream: AsyncIterable<One>,
  textOf: (chunk: One) => string | null | undefined,
): Promise<Outcome> => {
  const pieces: string[] = [];
  const sift: unknown[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    const text = textOf(chunk);
    if (text) pieces.push(text);
    if (chunk.sift !== undefined) sift.push(chunk.sift);
    usage = chunk.usage ?? usage;
    if (pieces.length === leaveAfter) break;
  }
  return { text: pieces.join(''), pieces: pieces.length, ...usageOf(usage), ...(sift.length === 0 ? {} : { sift }) };
};

const work = async (openai: OpenAI, ask: Ask, signal: AbortSignal): Promise<Outcome> => {
  const fields = fieldsOf(ask);
  switch (ask.do) {
    case 'chat': {
      const answer = await openai.chat.completions.create({ ...fields, messages: messagesOf(ask) }, { signal });
      const { sift } = answer as { sift?: unknown };
      return { text: answer.choices[0]?.message.content ?? '', sift, ...usageOf(answer.usage) };
    }
    case 'stream': {
      const body = { ...fields, messages: messagesOf(ask), stream: true as const };
      const stream = await openai.chat.completions.create(body, { signal });
      return gathered(ask, stream, ({ choices }) => choices[0]?.delta.content);
    }
    case 'complete': {
      const answer = await openai.completions.create({ ...fields, prompt: String(ask.input) }, { signal });
      return { text: answer.choices[0]?.text ?? '', ...usageOf(answer.usage) };
    }
    case 'streamText': {
      const body = { ...fields, prompt: String(ask.input), stream: true as const };
      const stream = await openai.completions.create(body, { signal });
      return gathered(ask, stream, ({ choices }) => choices[0]?.text);
    }
    case 'embed': {
      const encoding_format = ask.format === undefined ? {} : { encoding_format: ask.format };
      const input = [...(ask.input ?? [])];
      const { data } = await openai.embeddings.create({ model: fields.model, input, ...encoding_format }, { signal });
      return { vectors: data.map(({ embedding }) => embedding) };
    }
    case 'models': {
      const models: string[] = [];
      for await (const { id } of openai.models.list({ signal })) models.push(id);
      return { models };
    }
    case 'model':
      return { models: [(await openai.models.retrieve(fields.model, { signal })).id] };
  }
};

export const openAiSdk =
  ({ baseURL, key }: Server, browser = false): Client =>
  async (ask, signal) => {
    const { fetch, count } = counting();
    const options = { baseURL, apiKey: ask.key ?? key, maxRetries: ask.maxRetries ?? 0, fetch };
    const openai = new OpenAI({ ...options, dangerouslyAllowBrowser: browser });
    try {
      return { ...(await work(openai, ask, signal)), attempts: count() };
    } catch (error) {
      return { error: failureOf(error), attempts: count() };
    }
  };
