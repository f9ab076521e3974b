// What the commands on corpora ask of the edge beyond what the client has by name.
import type { z } from 'zod';
import type { Ask, SiftClient } from '../../client/index.ts';
import { jsonLines } from '../../client/lines.ts';
import type { corpusDeleted, corpusPage, exampleDeleted, exampleLine, exampleOnWire } from '../../wire/api/corpora.ts';
import type { deleteResponse } from '../../wire/api/examples.ts';
import { MAX_PAGE } from '../../wire/limits.ts';

const segment = encodeURIComponent;

export const corporaOf = (client: SiftClient, signal: AbortSignal) => {
  const json = async <T>(method: string, path: string, ask: Ask = {}): Promise<T> =>
    (await (await client.request(method, path, { ...ask, signal })).json()) as T;
  return {
    async *names(): AsyncGenerator<string, void, void> {
      for (let cursor: string | null = ''; cursor !== null; ) {
        const after: string = cursor === '' ? '' : `&cursor=${segment(cursor)}`;
        const page: z.output<typeof corpusPage> = await json('GET', `/v1/corpora?limit=${MAX_PAGE}${after}`);
        yield* page.data.map(({ name }) => name);
        cursor = page.next_cursor;
      }
    },
    /** A line for each example, as it was uploaded. */
    async *lines(name: string, vectors: boolean): AsyncGenerator<z.input<typeof exampleLine>, void, void> {
      const headers = { accept: 'application/x-ndjson' };
      const path = `/v1/corpora/${segment(name)}/examples?vectors=${vectors ? 1 : 0}`;
      const response = await client.request('GET', path, { headers, signal });
      yield* jsonLines(response) as AsyncGenerator<z.input<typeof exampleLine>, void, void>;
    },
    example: (name: string, id: string) =>
      json<z.output<typeof exampleOnWire>>('GET', `/v1/corpora/${segment(name)}/examples/${segment(id)}`),
    remove: (name: string) => json<z.output<typeof corpusDeleted>>('DELETE', `/v1/corpora/${segment(name)}`),
    removeExample: (name: string, id: string) =>
      json<z.output<typeof exampleDeleted>>('DELETE', `/v1/corpora/${segment(name)}/examples/${segment(id)}`),
    /** Every example that a filter lets through; an answer for each part of the corpus that was looked at. */
    async *removeWhere(name: string, filter: unknown): AsyncGenerator<z.output<typeof deleteResponse>, void, void> {
      let cursor: string | null = null;
      do {
        const body = JSON.stringify({ filter, cursor });
        const part: z.output<typeof deleteResponse> = await json('POST', `/v1/corpora/${segment(name)}/delete`, {
          body,
        });
        yield part;
        cursor = part.next_cursor;
      } while (cursor !== null);
    },
  };
};
