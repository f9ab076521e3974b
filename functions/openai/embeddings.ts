// POST /v1/embeddings: OpenAI's route over the edge's own embedder. Everything is embedded before the answer begins, so that
// whatever fails has its status; both embedding and writing have pauses, in which other requests get their turn.
import type { Context } from 'hono';
import { type EmbeddingsRequest, embeddingsRequest } from '../../wire/api/embeddings.ts';
import { FaultError } from '../../wire/faults.ts';
import { EMBEDDINGS_AT_ONCE, MAX_BODY_BYTES, MAX_EMBEDDINGS_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import type { Authenticated } from '../auth/principal.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { readJson } from '../http/body.ts';
import { pause } from '../pause.ts';
import { isUnit } from '../vectors/algebra.ts';
import { toBase64 } from '../vectors/base64.ts';

const refuse = (param: string, message: string): FaultError => new FaultError({ kind: 'bad_field', param, message });

/** The texts, and how a message names each. Throws for the first that cannot be embedded. */
const textsOf = ({ input }: EmbeddingsRequest) => {
  const texts = typeof input === 'string' ? [input] : input;
  const nameOf = (index: number): string => (typeof input === 'string' ? 'input' : `input[${index}]`);
  const empty = texts.indexOf('');
  if (empty >= 0) throw new FaultError({ kind: 'empty_text', param: nameOf(empty) });
  const got = texts.reduce((sum, text) => sum + byteLength(text), 0);
  if (got > MAX_EMBEDDINGS_BYTES) {
    throw new FaultError({ kind: 'too_large', param: 'input', got, limit: MAX_EMBEDDINGS_BYTES, unit: 'bytes' });
  }
  return { texts, nameOf };
};

const embedderFor = (c: Context<Authenticated>, { model, dimensions }: EmbeddingsRequest): Embedder => {
  if (c.env.EMBEDDER === 'none') throw new FaultError({ kind: 'not_configured', what: 'an embedder' });
  const embedder = chooseEmbedder(c.env);
  if (model !== embedder.name) throw new FaultError({ kind: 'unknown_model', model, known: [embedder.name] });
  if (dimensions != null && dimensions !== embedder.dimensions) {
    throw refuse('dimensions', `is ${dimensions}, model '${model}' has ${embedder.dimensions}`);
  }
  return embedder;
};

// float32 lies in memory as little-endian on every machine that runs this
const encoded = (vector: Float32Array, format: EmbeddingsRequest['encoding_format']): number[] | string =>
  format === 'base64'
    ? toBase64(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
    : Array.from(vector);

interface Embedded {
  readonly vectors: readonly Float32Array[];
  /** Places of texts of which only a part was read. */
  readonly cut: ReadonlySet<number>;
  readonly tokens: number | undefined;
}

/** The answer's JSON, some vectors at a time. */
async function* written(
  { model, encoding_format }: EmbeddingsRequest,
  { vectors, cut, tokens }: Embedded,
): AsyncGenerator<string, void, void> {
  yield `{"object":"list","model":${JSON.stringify(model)},"data":[`;
  for (let from = 0; from < vectors.length; from += EMBEDDINGS_AT_ONCE) {
    if (from > 0) await pause();
    const some = vectors.slice(from, from + EMBEDDINGS_AT_ONCE).map((vector, i) => ({
      object: 'embedding',
      index: from + i,
      embedding: encoded(vector, encoding_format),
      ...(cut.has(from + i) ? { truncated: true } : {}),
    }));
    yield `${from > 0 ? ',' : ''}${JSON.stringify(some).slice(1, -1)}`;
  }
  const usage = tokens === undefined ? '' : `,"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}`;
  yield `]${usage}}`;
}

const streamOf = (pieces: AsyncGenerator<string, void, void>): ReadableStream<Uint8Array> => {
  const utf8 = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(utf8.encode(value));
    },
    async cancel() {
      await pieces.return();
    },
  });
};

export const embeddingsRoute = async (c: Context<Authenticated>): Promise<Response> => {
  const request = await readJson(c.req.raw, embeddingsRequest, MAX_BODY_BYTES);
  const embedder = embedderFor(c, request);
  const { texts, nameOf } = textsOf(request);
  const keep = request.input_type === 'query' ? 'tail' : 'head';
  const cut = new Set<number>();
  const { record } = c.var;
  const background = texts.length > 1;
  const onCut = (index: number): void => void cut.add(index);
  const vectors = await record.stages.time('embed', () => embedder.embed(texts, keep, { background, onCut }));
  const unknown = vectors.findIndex((vector) => !isUnit(vector));
  if (unknown >= 0) throw refuse(nameOf(unknown), 'holds nothing that the embedder knows');
  const tokens = embedder.tokensOf?.(texts)?.reduce((sum, one) => sum + one, 0);
  record.model = embedder.name;
  record.tokens = tokens ?? 0;
  record.inPieces = true;
  const body = streamOf(written(request, { vectors, cut, tokens }));
  return c.body(body, 200, { 'content-type': 'application/json' });
};
