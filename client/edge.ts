// The edge's API as the demonstration uses it: an ordinary HTTP client with the caller's key, nothing internal.
import { z } from 'zod';

const resultLine = z.object({
  line: z.int(),
  id: z.string().nullish(),
  status: z.enum(['created', 'updated', 'unchanged', 'error']),
  error: z.object({ message: z.string() }).nullish(),
});
export type ResultLine = z.output<typeof resultLine>;

const selection = z.object({
  picks: z.array(
    z.object({
      id: z.string(),
      text: z.string(),
      score: z.number(),
      similarity: z.number(),
      sigma2: z.number(),
    }),
  ),
  sigma2: z.object({ initial: z.number(), final: z.number() }),
  pool: z.object({ size: z.int() }).loose(),
  stop: z.string(),
});
export type Selected = z.output<typeof selection>;

const bits = z.object({ bits_per_byte: z.number() });
const scored = z.object({ before: bits, after: bits });
export type Scored = z.output<typeof scored>;

const completion = z.object({ choices: z.array(z.object({ text: z.string(), finish_reason: z.string() })).min(1) });

/** What an edge refused, in its own words. */
export class EdgeError extends Error {}

export interface EdgeClient {
  upload(corpus: string, ndjson: ReadableStream<Uint8Array>, onLine: (line: ResultLine) => void): Promise<void>;
  deleteCorpus(corpus: string): Promise<void>;
  select(body: Record<string, unknown>): Promise<Selected>;
  score(body: Record<string, unknown>): Promise<Scored>;
  complete(body: Record<string, unknown>): Promise<string>;
}

export const edgeClient = (url: string, key: string): EdgeClient => {
  const send = async (method: string, path: string, body?: BodyInit, type = 'application/json'): Promise<Response> => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': type },
      ...(body === undefined ? {} : { body, duplex: 'half' as const }),
    });
    if (response.ok || (method === 'DELETE' && response.status === 404)) return response;
    throw new EdgeError(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  };
  const post = async <Schema extends z.ZodType>(
    path: string,
    body: Record<string, unknown>,
    schema: Schema,
  ): Promise<z.output<Schema>> => schema.parse(await (await send('POST', path, JSON.stringify(body))).json());

  return {
    async upload(corpus, ndjson, onLine) {
      const response = await send('POST', `/v1/corpora/${corpus}/examples`, ndjson, 'application/x-ndjson');
      if (response.body === null) throw new EdgeError('the upload was answered without a body');
      let rest = '';
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') onLine(resultLine.parse(JSON.parse(line)));
      }
      if (rest !== '') onLine(resultLine.parse(JSON.parse(rest)));
    },
    async deleteCorpus(corpus) {
      await (await send('DELETE', `/v1/corpora/${corpus}`)).text();
    },
    select: (body) => post('/v1/select', body, selection),
    score: (body) => post('/v1/score', body, scored),
    complete: async (body) => (await post('/v1/completions', body, completion)).choices[0]?.text ?? '',
  };
};
