// One batch of an upload: reserve, embed what is new, texts to R2, vectors to the index, commit. Answers one result per
// line, in order. Whatever fails fails for the lines it concerns; they stay reserved, and sending them again is safe.
import { asFault, type Fault, toWire } from '../../wire/faults.ts';
import { MAX_CONNECTIONS } from '../../wire/limits.ts';
import type { Embedder } from '../embedding/embedder.ts';
import type { Env } from '../env.ts';
import { toQ15 } from '../kernel/index.ts';
import { inParallel } from '../parallel.ts';
import { vectorizeFault } from '../pool/vectorize.ts';
import { isUnit } from '../vectors/algebra.ts';
import type { CorpusInfo, Entry, ReservedStatus } from './catalogue.ts';
import { namespace, stripeOf, textKey, textsUnder } from './keys.ts';
import type { Prepared, Refused } from './line.ts';
import { makeRecord, type RecordMetadata } from './record.ts';
import { catalogueOf } from './store.ts';

export interface LineResult {
  line: number;
  id: string | null;
  status: ReservedStatus | 'error';
  error?: { message: string; type: string; code: string; param: string | null };
}

export const errorResult = (line: number, id: string | null, fault: Fault): LineResult => ({
  line,
  id,
  status: 'error',
  error: toWire(fault).body.error,
});

export interface Upload {
  readonly env: Env;
  readonly info: CorpusInfo;
  readonly embedder: Embedder;
  /** Names this upload in the catalogue. */
  readonly writer: string;
}

interface Record {
  readonly prepared: Prepared;
  readonly entry: Entry;
  readonly row: Float32Array;
  readonly metadata: RecordMetadata;
}

/** The vectors of a batch, those not sent by the caller made now, all in one call. */
const vectorsOf = async (embedder: Embedder, batch: readonly Prepared[]): Promise<Float32Array[]> => {
  const texts = batch.flatMap(({ vector, example }) => (vector === undefined ? [example.text] : []));
  const made = texts.length === 0 ? [] : await embedder.embed(texts, 'head');
  let next = 0;
  return batch.map(({ vector }) => vector ?? made[next++] ?? new Float32Array(embedder.dimensions));
};

const write = async (upload: Upload, records: readonly Record[]): Promise<boolean> => {
  const { env, info, writer } = upload;
  const under = textsUnder(info.tenant, info.name, info.space);
  // texts before vectors: what the index finds can always be read
  const texts = records
    .filter(({ entry }) => entry.long)
    .map(
      ({ prepared, entry }) =>
        () =>
          env.TEXTS.put(textKey(under, entry.vector), prepared.example.text),
    );
  await inParallel(texts, MAX_CONNECTIONS);
  const vectors = records.map(({ entry, row, metadata }) => ({
    id: entry.vector,
    values: row as VectorFloatArray,
    namespace: namespace(info.space, entry.stripe),
    // the binding's type knows no optional properties; the record is plain JSON
    metadata: metadata as unknown as globalThis.Record<string, VectorizeVectorMetadata>,
  }));
  await env.VECTORIZE.upsert(vectors).catch((error: unknown) => {
    throw vectorizeFault(error);
  });
  const entries = records.map(({ entry }) => entry);
  return catalogueOf(env, info.tenant, info.name).commit(info.space, writer, entries, under);
};

/** Examples of one batch have different ids. */
const writeBatch = async (upload: Upload, batch: readonly Prepared[]): Promise<LineResult[]> => {
  const { env, info, writer, embedder } = upload;
  const gone: Fault = { kind: 'unknown_corpus', corpus: info.name };
  const all = (fault: Fault): LineResult[] => batch.map(({ line, example }) => errorResult(line, example.id, fault));
  try {
    const reservations = batch.map(({ example, fingerprint, vectorId }) => ({
      id: example.id,
      fingerprint,
      vector: vectorId,
    }));
    const statuses = await catalogueOf(env, info.tenant, info.name).reserve(info.space, writer, reservations);
    if (statuses === null) return all(gone);
    const results = batch.map(
      ({ line, example }, i): LineResult => ({ line, id: example.id, status: statuses[i] ?? 'unchanged' }),
    );
    const changed = batch.flatMap((prepared, i) => (statuses[i] === 'unchanged' ? [] : [{ prepared, i }]));
    const failed = (i: number, fault: Fault): void => {
      const { line, id } = results[i] ?? { line: 0, id: null };
      results[i] = errorResult(line, id, fault);
    };
    try {
      const rows = await vectorsOf(
        embedder,
        changed.map(({ prepared }) => prepared),
      );
      const records = changed.flatMap(({ prepared, i }, at) => {
        const row = rows[at] ?? new Float32Array(info.dimensions);
        const { example, fingerprint: hash, line } = prepared;
        if (!isUnit(row)) {
          failed(i, {
            kind: 'bad_field',
            param: 'text',
            message: `holds nothing that the embedder knows (line ${line})`,
          });
          return [];
        }
        const made = makeRecord(example, toQ15(row), hash, line);
        if (!made.ok) {
          failed(i, made.fault);
          return [];
        }
        const { metadata, long } = made.value;
        const stripe = stripeOf(example.id, info.stripes);
        const entry: Entry = { id: example.id, vector: prepared.vectorId, hash, stripe, bytes: metadata.bytes, long };
        return [{ prepared, entry, row, metadata }];
      });
      if (records.length > 0 && !(await write(upload, records))) return all(gone);
    } catch (error) {
      const fault = asFault(error);
      for (const { i } of changed) if (results[i]?.status !== 'error') failed(i, fault);
    }
    return results;
  } catch (error) {
    return all(asFault(error));
  }
};

/** A batch in which an id may stand twice: later lines of an id are written after earlier ones. */
export const processBatch = async (upload: Upload, batch: readonly (Prepared | Refused)[]): Promise<LineResult[]> => {
  const results: LineResult[] = [];
  let waiting = batch.map((item, at) => ({ item, at }));
  while (waiting.length > 0) {
    const ids = new Set<string>();
    const now: { item: Prepared; at: number }[] = [];
    const later: typeof waiting = [];
    for (const { item, at } of waiting) {
      if ('fault' in item) results[at] = errorResult(item.line, item.id, item.fault);
      else if (ids.has(item.example.id)) later.push({ item, at });
      else {
        ids.add(item.example.id);
        now.push({ item, at });
      }
    }
    const written = await writeBatch(
      upload,
      now.map(({ item }) => item),
    );
    for (const [i, { at }] of now.entries()) {
      const result = written[i];
      if (result !== undefined) results[at] = result;
    }
    waiting = later;
  }
  return results;
};
