// The edge's API for applications: web standards only, the same in Node, Workers and browsers. Types come from the schemas
// that the edge parses and answers with; nothing is checked again here.
import type { z } from 'zod';
import type { chatRequest, chatResponse } from '../wire/api/chat.ts';
import type { completionRequest, completionResponse } from '../wire/api/completions.ts';
import type { CorpusOnWire, corpusRequest, EntryOnWire, ExampleOnWire } from '../wire/api/corpora.ts';
import type { embeddingsRequest, embeddingsResponse } from '../wire/api/embeddings.ts';
import type { modelList } from '../wire/api/model.ts';
import type { ScoreResponse, scoreRequest } from '../wire/api/score.ts';
import type { SelectResponse, selectRequest } from '../wire/api/select.ts';
import { SiftError } from './error.ts';
import { type GenerateEvent, generated } from './generate.ts';
import { type Example, type IngestOptions, ingest, type Progress } from './ingest.ts';
import { type Ask, type CallOptions, type ClientOptions, sender } from './send.ts';

export { SiftError } from './error.ts';
export type { GenerateEvent } from './generate.ts';
export type { Example, IngestOptions, Progress } from './ingest.ts';
export type { Ask, CallOptions, ClientOptions } from './send.ts';

export type SelectBody = z.input<typeof selectRequest>;
export type CompletionBody = z.input<typeof completionRequest>;
export type ChatBody = z.input<typeof chatRequest>;
export type ScoreBody = z.input<typeof scoreRequest>;

/** A selection, and the ETag by which it is asked for again. */
export interface Fetched {
  readonly selection: SelectResponse;
  readonly etag: string | undefined;
}

export type SiftClient = ReturnType<typeof createClient>;

const segment = encodeURIComponent;

export const createClient = (options: ClientOptions) => {
  const send = sender(options);
  const json = async <T>(method: string, path: string, ask?: Ask): Promise<T> =>
    (await (await send(method, path, ask)).json()) as T;
  const post = <T>(path: string, body: unknown, call: CallOptions = {}, repeatable = false): Promise<T> =>
    json('POST', path, { ...call, repeatable, body: JSON.stringify(body) });
  /** What is not there is undefined. */
  const orAbsent = <T>(asked: Promise<T>): Promise<T | undefined> =>
    asked.catch((error: unknown) => {
      if (error instanceof SiftError && error.status === 404) return undefined;
      throw error;
    });
  /** With what is there already; the edge answers 304 where nothing has changed. */
  const fetched = async (method: string, path: string, ask: Ask, known?: Fetched): Promise<Fetched> => {
    const headers = known?.etag === undefined ? {} : { 'if-none-match': known.etag };
    const response = await send(method, path, { ...ask, headers });
    if (response.status === 304 && known !== undefined) return known;
    return { selection: (await response.json()) as SelectResponse, etag: response.headers.get('etag') ?? undefined };
  };

  return {
    /** Any other route: `GET`, `/v1/…`. */
    request: send,
    /** Examples for a prompt. `known`: an earlier answer to the same request, which is kept while the corpus is as it was. */
    select: (body: SelectBody, known?: Fetched, call: CallOptions = {}): Promise<Fetched> =>
      fetched('POST', '/v1/select', { ...call, body: JSON.stringify(body) }, known),
    /** A stored selection by its id. SiftError with status 410 once one of its examples is gone. */
    selection: (id: string, known?: Fetched, call: CallOptions = {}): Promise<Fetched> =>
      fetched('GET', `/v1/selections/${segment(id)}`, call, known),
    score: (body: ScoreBody, call?: CallOptions): Promise<ScoreResponse> => post('/v1/score', body, call),
    complete: (body: CompletionBody, call?: CallOptions): Promise<z.output<typeof completionResponse>> =>
      post('/v1/completions', { ...body, stream: false }, call),
    chat: (body: ChatBody, call?: CallOptions): Promise<z.output<typeof chatResponse>> =>
      post('/v1/chat/completions', { ...body, stream: false }, call),
    /** A completion, or a chat where there are `messages`, as it is made. */
    async *generate(
      body: CompletionBody | ChatBody,
      call: CallOptions = {},
    ): AsyncGenerator<GenerateEvent, void, void> {
      const path = 'messages' in body ? '/v1/chat/completions' : '/v1/completions';
      const streamed = { ...body, stream: true, stream_options: { include_usage: true, include_sift: true } };
      const response = await send('POST', path, { ...call, repeatable: false, body: JSON.stringify(streamed) });
      yield* generated(response, call.signal);
    },
    embed: (
      body: z.input<typeof embeddingsRequest>,
      call?: CallOptions,
    ): Promise<z.output<typeof embeddingsResponse>> => post('/v1/embeddings', body, call, true),
    models: (call?: CallOptions): Promise<z.output<typeof modelList>> => json('GET', '/v1/models', call),
    /** Examples into a corpus, from anything that can be iterated; safe to repeat. */
    ingest: (
      corpus: string,
      examples: Iterable<Example> | AsyncIterable<Example>,
      more?: IngestOptions,
    ): Promise<Progress> => ingest(send, corpus, examples, more),
    createCorpus: (name: string, body: z.input<typeof corpusRequest> = {}, call?: CallOptions): Promise<CorpusOnWire> =>
      json('PUT', `/v1/corpora/${segment(name)}`, { ...call, body: JSON.stringify(body) }),
    corpus: (name: string, call?: CallOptions): Promise<CorpusOnWire | undefined> =>
      orAbsent(json<CorpusOnWire>('GET', `/v1/corpora/${segment(name)}`, call)),
    deleteCorpus: async (name: string, call?: CallOptions): Promise<void> => {
      await orAbsent(json('DELETE', `/v1/corpora/${segment(name)}`, call));
    },
    /** Its examples without their texts, page by page; none where there is no such corpus. */
    async *examples(corpus: string, call?: CallOptions): AsyncGenerator<EntryOnWire, void, void> {
      let cursor: string | null = '';
      while (cursor !== null) {
        const query: string = cursor === '' ? '?limit=1000' : `?limit=1000&cursor=${segment(cursor)}`;
        const page = await orAbsent(
          json<{ data: EntryOnWire[]; next_cursor: string | null }>(
            'GET',
            `/v1/corpora/${segment(corpus)}/examples${query}`,
            call,
          ),
        );
        yield* page?.data ?? [];
        cursor = page?.next_cursor ?? null;
      }
    },
    example: (corpus: string, id: string, call?: CallOptions): Promise<ExampleOnWire | undefined> =>
      orAbsent(json<ExampleOnWire>('GET', `/v1/corpora/${segment(corpus)}/examples/${segment(id)}`, call)),
    deleteExample: async (corpus: string, id: string, call?: CallOptions): Promise<void> => {
      await orAbsent(json('DELETE', `/v1/corpora/${segment(corpus)}/examples/${segment(id)}`, call));
    },
  };
};
