// The edge's API as the demonstration uses it: an ordinary HTTP client with the caller's key, nothing internal.
import type { z } from 'zod';
import { completionResponse } from '../wire/api/completions.ts';
import { examplePage, type ResultLine, uploadAnswerLine } from '../wire/api/corpora.ts';
import { type ScoreResponse, scoreResponse } from '../wire/api/score.ts';
import { type SelectResponse, selectResponse } from '../wire/api/select.ts';
import { MAX_PAGE } from '../wire/limits.ts';
import { at } from '../wire/list.ts';

/** What an edge refused, in its own words. */
export class EdgeError extends Error {
  /** Undefined when the connection failed, or an answer was not what it should be. */
  readonly status: number | undefined;
  constructor(message: string, status?: number) {
    super(message);
    this.name = 'EdgeError';
    this.status = status;
  }
}

export interface EdgeClient {
  upload(corpus: string, ndjson: ReadableStream<Uint8Array>, onLine: (line: ResultLine) => void): Promise<void>;
  deleteCorpus(corpus: string): Promise<void>;
  /** Ids of all its examples; undefined when there is no such corpus. */
  exampleIds(corpus: string): Promise<string[] | undefined>;
  /** Deleting what is not there is no error. */
  deleteExample(corpus: string, id: string): Promise<void>;
  select(body: Record<string, unknown>): Promise<SelectResponse>;
  score(body: Record<string, unknown>, signal?: AbortSignal): Promise<ScoreResponse>;
  complete(body: Record<string, unknown>): Promise<string>;
}

export const edgeClient = (url: string, key: string): EdgeClient => {
  const send = async (
    method: string,
    path: string,
    body?: BodyInit,
    type = 'application/json',
    signal?: AbortSignal,
  ): Promise<Response> => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': type },
      ...(body === undefined ? {} : { body, duplex: 'half' as const }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.ok || (method === 'DELETE' && response.status === 404)) return response;
    // an upload of which every line failed: the lines say why
    if (response.headers.get('content-type') === 'application/x-ndjson') return response;
    throw new EdgeError(`${method} ${path} answered ${response.status}: ${await response.text()}`, response.status);
  };
  const post = async <Schema extends z.ZodType>(
    path: string,
    body: Record<string, unknown>,
    schema: Schema,
    signal?: AbortSignal,
  ): Promise<z.output<Schema>> =>
    schema.parse(await (await send('POST', path, JSON.stringify(body), undefined, signal)).json());

  /** One line of an upload's answer; the last one only counts the others. */
  const told = (line: string, onLine: (line: ResultLine) => void): void => {
    const answer = line === '' ? undefined : uploadAnswerLine.parse(JSON.parse(line));
    if (answer !== undefined && !('summary' in answer)) onLine(answer);
  };

  return {
    async upload(corpus, ndjson, onLine) {
      const response = await send('POST', `/v1/corpora/${corpus}/examples`, ndjson, 'application/x-ndjson');
      if (response.body === null) throw new EdgeError('the upload was answered without a body');
      let rest = '';
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) told(line, onLine);
      }
      told(rest, onLine);
    },
    async deleteCorpus(corpus) {
      await (await send('DELETE', `/v1/corpora/${corpus}`)).text();
    },
    async exampleIds(corpus) {
      const ids: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query = new URLSearchParams({ limit: String(MAX_PAGE), ...(cursor === '' ? {} : { cursor }) });
        try {
          const answer = examplePage.parse(await (await send('GET', `/v1/corpora/${corpus}/examples?${query}`)).json());
          ids.push(...answer.data.map(({ id }) => id));
          cursor = answer.next_cursor;
        } catch (error) {
          if (error instanceof EdgeError && error.status === 404) return undefined;
          throw error;
        }
      }
      return ids;
    },
    async deleteExample(corpus, id) {
      await (await send('DELETE', `/v1/corpora/${corpus}/examples/${encodeURIComponent(id)}`)).text();
    },
    select: (body) => post('/v1/select', body, selectResponse),
    score: (body, signal) => post('/v1/score', body, scoreResponse, signal),
    complete: async (body) => at((await post('/v1/completions', body, completionResponse)).choices, 0).text,
  };
};
