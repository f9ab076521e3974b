// Examples of a batch, all with different ids: reserved, embedded, their texts to R2, their vectors to the index, committed.
// Answers one result per example, in order. A failure affects only its own lines; they stay reserved, and sending them
// again is safe. What the embedder or the index refuses as a whole is halved until the culprits stand alone.
import type { ResultLine } from '../../wire/api/corpora.ts';
import { asFault, type Fault, FaultError, fail, ok, type Result, toWire } from '../../wire/faults.ts';
import { MAX_CONNECTIONS, MAX_EMBEDS_OF_A_BATCH, MAX_UPSERTS_OF_A_BATCH } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { inParallel } from '../../wire/parallel.ts';
import type { Embedder } from '../embedding/embedder.ts';
import type { Env } from '../env.ts';
import { toQ15 } from '../kernel/index.ts';
import type { Gateway } from '../upstream/client.ts';
import { isUnit } from '../vectors/algebra.ts';
import type { CorpusInfo, Entry, ReservedStatus } from './contract.ts';
import { byHalves } from './halves.ts';
import { namespace, stripeOf, textKey, textsUnder, vectorId } from './keys.ts';
import type { Prepared } from './line.ts';
import type { Opening } from './opening.ts';
import { makeRecord, type RecordMetadata } from './record.ts';
import { markOf, type Offer, type Sampled } from './sample.ts';
import { catalogueOfReached } from './store.ts';
import { isRefusal, vectorizeFault } from './vectorize.ts';

export const errorResult = (line: number, id: string | null, fault: Fault): ResultLine => ({
  line,
  id,
  status: 'error',
  error: toWire(fault).body.error,
});

export interface Upload {
  readonly env: Env;
  readonly gateway: Gateway;
  readonly corpus: Pick<Opening, 'info' | 'known' | 'end'>;
  readonly embedder: Embedder;
  /** Names this upload in the catalogue. */
  readonly writer: string;
  /** Which of its vectors may enter the corpus' sample. */
  readonly offer: Offer;
  /** Whether it cuts texts. */
  readonly cuts: boolean;
  /** Ids of the examples that it has replaced or removed so far. */
  readonly replaced: string[];
}

/** An upload whose corpus is there. */
type Open = Omit<Upload, 'corpus'> & { readonly info: CorpusInfo };

/** A part with its id in the vector index. */
type Reserved = Prepared & { readonly vectorId: string };

/** What one example came to: a fault, or perhaps that only a part of its text was read. */
interface Outcome {
  readonly fault?: Fault | undefined;
  readonly cut?: { readonly tokens: number | undefined } | undefined;
}

/** An example as the index will hold it. */
interface Written {
  readonly entry: Entry;
  readonly text: string;
  readonly row: Float32Array;
  readonly metadata: RecordMetadata;
}

/** Faults that an embedder throws about a text; an embedder that is not configured fails for all. */
const isAboutText = ({ kind }: Fault): boolean => kind !== 'not_configured';

/** The vectors of a batch; those not sent by the caller are made now, all in one call unless one is refused. */
const vectorsOf = async (
  embedder: Embedder,
  batch: readonly Prepared[],
  cuts: Map<Prepared, { readonly tokens: number | undefined }>,
): Promise<Result<Float32Array>[]> => {
  const made = await byHalves(
    batch.filter(({ vector }) => vector === undefined),
    {
      work: (some) =>
        embedder.embed(
          some.map(({ example }) => example.text),
          'head',
          { background: true, onCut: (index, tokens) => cuts.set(at(some, index), { tokens }) },
        ),
      isRefusal: isAboutText,
      calls: MAX_EMBEDS_OF_A_BATCH,
    },
  );
  let next = 0;
  return batch.map(({ vector }) => (vector === undefined ? at(made, next++) : ok(vector)));
};

const written = (info: CorpusInfo, prepared: Reserved, row: Float32Array): Result<Written> => {
  const { example, fingerprint: hash, line, vectorId: vector } = prepared;
  if (!isUnit(row)) {
    return fail({ kind: 'bad_field', param: 'text', message: `holds nothing that the embedder knows (line ${line})` });
  }
  const made = makeRecord(example, toQ15(row), hash, line);
  if (!made.ok) return made;
  const { metadata, long } = made.value;
  const stripe = stripeOf(example.id, info.stripes);
  const entry: Entry = { id: example.id, vector, hash, stripe, bytes: metadata.bytes, long };
  return ok({ entry, text: example.text, row, metadata });
};

/** The text in R2, if it is a long one. */
const storeText = async ({ env }: Open, under: string, { entry, text }: Written): Promise<Result<null>> => {
  try {
    if (entry.long) await env.TEXTS.put(textKey(under, entry.vector), text);
    return ok(null);
  } catch (error) {
    return fail(asFault(error));
  }
};

const upsert = async ({ env, info }: Open, records: readonly Written[]): Promise<null[]> => {
  const vectors = records.map(({ entry, row, metadata }) => ({
    id: entry.vector,
    values: row as VectorFloatArray,
    namespace: namespace(info.space, entry.stripe),
    // the binding's type knows no optional properties; the record is plain JSON
    metadata: metadata as unknown as Record<string, VectorizeVectorMetadata>,
  }));
  await env.VECTORIZE.upsert(vectors).catch((error: unknown) => {
    throw vectorizeFault(error);
  });
  return records.map(() => null);
};

const offeredOf = (offer: Offer, records: readonly Written[]): Sampled[] =>
  records.flatMap(({ entry: { id }, metadata: { q15 } }) => {
    const mark = markOf(id);
    return offer.takes(mark) ? [{ id, mark, q15 }] : [];
  });

/** Why each example could not be written, or undefined. Texts go before vectors: what the index finds can be read. */
const store = async (upload: Open, records: readonly Written[]): Promise<(Fault | undefined)[]> => {
  const { env, info, writer } = upload;
  const under = textsUnder(info.tenant, info.name, info.space);
  const texts = await inParallel(
    records.map((record) => () => storeText(upload, under, record)),
    MAX_CONNECTIONS,
  );
  const withText = records.filter((_, i) => at(texts, i).ok);
  const vectors = await byHalves(withText, {
    work: (some) => upsert(upload, some),
    isRefusal,
    calls: MAX_UPSERTS_OF_A_BATCH,
  });
  const indexed = withText.filter((_, i) => at(vectors, i).ok);
  const entries = indexed.map(({ entry }) => entry);
  const offered = offeredOf(upload.offer, indexed);
  const stands =
    indexed.length === 0 || (await catalogueOfReached(env, info).commit(info.space, writer, entries, under, offered));
  if (!stands) throw new FaultError({ kind: 'unknown_corpus', corpus: info.name });
  let next = 0;
  return texts.map((text) => {
    const result = text.ok ? at(vectors, next++) : text;
    return result.ok ? undefined : result.fault;
  });
};

/** Embeds and stores what is new; one outcome for each. */
const writeChanged = async (upload: Open, changed: readonly Reserved[]): Promise<Outcome[]> => {
  const cuts = new Map<Prepared, { readonly tokens: number | undefined }>();
  const vectors = await vectorsOf(upload.embedder, changed, cuts);
  const records = changed.map((prepared, i) => {
    const vector = at(vectors, i);
    return vector.ok ? written(upload.info, prepared, vector.value) : vector;
  });
  const faults = await store(
    upload,
    records.flatMap((record) => (record.ok ? [record.value] : [])),
  );
  let next = 0;
  return records.map((record, i) => ({
    fault: record.ok ? faults[next++] : record.fault,
    cut: cuts.get(at(changed, i)),
  }));
};

const resultOf = ({ line, example }: Prepared, status: ReservedStatus, { fault, cut }: Outcome): ResultLine => {
  if (fault !== undefined) return errorResult(line, example.id, fault);
  const read = cut?.tokens === undefined ? {} : { read_tokens: cut.tokens };
  return { line, id: example.id, status, ...(cut === undefined ? {} : { truncated: true, ...read }) };
};

/** One result for each of a batch of examples with different ids. */
export const writeBatch = async (upload: Upload, batch: readonly Prepared[]): Promise<ResultLine[]> => {
  const failed = ({ line, example }: Prepared, fault: Fault): ResultLine => errorResult(line, example.id, fault);
  let open: Open;
  let reserved: readonly Reserved[];
  let statuses: readonly ReservedStatus[];
  try {
    const info = await upload.corpus.info();
    open = { ...upload, info };
    reserved = await Promise.all(
      batch.map(async (one) => ({ ...one, vectorId: await vectorId(info.space, one.example.id) })),
    );
    const reservations = reserved.map(({ example: { id }, fingerprint, vectorId: vector }) => ({
      id,
      fingerprint,
      vector,
    }));
    const answer = await catalogueOfReached(upload.env, info).reserve(info.space, upload.writer, reservations);
    if (answer === null) throw new FaultError({ kind: 'unknown_corpus', corpus: info.name });
    statuses = answer;
  } catch (error) {
    return batch.map((one) => failed(one, asFault(error)));
  }
  const changed = reserved.filter((_, i) => at(statuses, i) !== 'unchanged');
  let outcomes: readonly Outcome[];
  try {
    outcomes = await writeChanged(open, changed);
  } catch (error) {
    const fault = asFault(error);
    // a corpus that is gone has no unchanged examples either
    if (fault.kind === 'unknown_corpus') return batch.map((one) => failed(one, fault));
    outcomes = changed.map(() => ({ fault }));
  }
  let next = 0;
  return batch.map((one, i) => {
    const status = at(statuses, i);
    if (status === 'updated') upload.replaced.push(one.example.id);
    return resultOf(one, status, status === 'unchanged' ? {} : at(outcomes, next++));
  });
};
