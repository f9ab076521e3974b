// PATCH /v1/corpora/NAME/examples/ID: source and metadata changed by a JSON merge patch (RFC 7396: null takes a name away),
// without embedding anything anew. Text and vector make another example and are uploaded instead.
// It writes as an upload does, with a reservation around the index; of two patches at the same moment the index holds one,
// and the entry is left unsettled. An example that the index does not show yet cannot be read, and so not be changed: 409.
import type { Context } from 'hono';
import { examplePatch } from '../../wire/api/examples.ts';
import { conform, parseJson, readCapped } from '../../wire/body.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { INDEX_LAG_RETRY_S, MAX_LINE_BYTES } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import type { Authenticated } from '../auth/principal.ts';
import type { Env } from '../env.ts';
import type { CorpusInfo, Entry } from './contract.ts';
import { namespace, textKey, textsUnder } from './keys.ts';
import { versionOf, withProto } from './line.ts';
import { lossOf } from './lossless.ts';
import { type CallerMetadata, type Example, makeRecord, q15FromBase64 } from './record.ts';
import { allowedCorpus, catalogueOfReached, forgetCorpusInfo, listedCatalogue } from './store.ts';
import { vectorizeFault } from './vectorize.ts';
import { type Stored, storedOne, textsOf } from './walk.ts';
import { entryOnWire } from './wire.ts';

type Patched = Pick<Example, 'source' | 'metadata'>;

/** Metadata under a merge patch. Names are set as own properties, whatever they are called. */
const merged = (metadata: CallerMetadata = {}, changes: object): object => {
  const all = new Map<string, unknown>(Object.entries(metadata));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) all.delete(name);
    else all.set(name, value);
  }
  return Object.fromEntries(all);
};

const patchOf = async (request: Request) => {
  const bytes = unwrap(await readCapped(request, MAX_LINE_BYTES));
  const value = unwrap(parseJson(bytes));
  const loss = lossOf(new TextDecoder().decode(bytes), '');
  if (loss !== undefined) throw new FaultError({ kind: 'bad_json', message: loss });
  const patch = unwrap(conform(value, examplePatch));
  // as it was sent: a schema's record passes over `__proto__`
  const metadata = (value as { metadata?: object | null }).metadata;
  return { ...patch, metadata: patch.metadata === undefined ? undefined : (metadata ?? null) };
};

const apply = ({ record }: Stored, { source, metadata }: Awaited<ReturnType<typeof patchOf>>): Patched => {
  const all = metadata === undefined ? (record.meta ?? {}) : metadata === null ? {} : merged(record.meta, metadata);
  const checked = unwrap(conform({ metadata: all }, examplePatch)).metadata as CallerMetadata | undefined;
  const kept = unwrap(withProto(checked ?? {}, all));
  const from = source === undefined ? record.source : (source ?? undefined);
  return {
    ...(from === undefined ? {} : { source: from }),
    ...(Object.keys(kept).length === 0 ? {} : { metadata: kept }),
  };
};

/** The fingerprint that an upload of the changed example would have, so that such an upload finds it unchanged. */
const fingerprintAfter = async (info: CorpusInfo, { record, vector }: Stored, text: string, after: Patched) => {
  const before = { ...(record.source === undefined ? {} : { source: record.source }), metadata: record.meta ?? {} };
  const wasSent = record.hash !== (await versionOf(info.embedder, { text, ...before }, undefined));
  return versionOf(info.embedder, { text, ...after }, wasSent ? vector : undefined);
};

const write = async (env: Env, info: CorpusInfo, stored: Stored, text: string, after: Patched): Promise<Entry> => {
  const { entry, record, vector } = stored;
  const row = q15FromBase64(record.q15, info.dimensions);
  if (row === undefined)
    throw new FaultError({ kind: 'internal', message: `the vector of '${entry.id}' is not whole` });
  const fingerprint = await fingerprintAfter(info, stored, text, after);
  const { metadata, long } = unwrap(makeRecord({ id: entry.id, text, ...after }, row, fingerprint));
  const catalogue = catalogueOfReached(env, info);
  const writer = crypto.randomUUID();
  const under = textsUnder(info.tenant, info.name, info.space);
  const statuses = await catalogue.reserve(info.space, writer, [{ id: entry.id, fingerprint, vector: entry.vector }]);
  if (statuses === null) throw new FaultError({ kind: 'unknown_corpus', corpus: info.name });
  if (at(statuses, 0) === 'unchanged') return entry;
  if (long && !entry.long) await env.TEXTS.put(textKey(under, entry.vector), text);
  const one = {
    id: entry.vector,
    values: vector as VectorFloatArray,
    namespace: namespace(info.space, entry.stripe),
    metadata: metadata as unknown as Record<string, VectorizeVectorMetadata>,
  };
  await env.VECTORIZE.upsert([one]).catch((error: unknown) => {
    throw vectorizeFault(error);
  });
  const now: Entry = { ...entry, hash: fingerprint, bytes: metadata.bytes, long };
  if (!(await catalogue.commit(info.space, writer, [now], under))) {
    throw new FaultError({ kind: 'unknown_corpus', corpus: info.name });
  }
  forgetCorpusInfo(info.tenant, info.name);
  return now;
};

export const patchRoute = async (c: Context<Authenticated>) => {
  const { env } = c;
  const { tenant } = c.var.principal;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const id = c.req.param('id') ?? '';
  const patch = await patchOf(c.req.raw);
  const found = await (await listedCatalogue(env, tenant, corpus)).find(id);
  if (found === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  if (found.entry === null) throw new FaultError({ kind: 'unknown_example', corpus, id });
  const stored = await storedOne(env, found.entry);
  if (stored === undefined) throw new FaultError({ kind: 'not_indexed', id, retryAfterS: INDEX_LAG_RETRY_S });
  const [text] = await textsOf(env, found.info, [stored]);
  if (text === undefined) throw new FaultError({ kind: 'internal', message: `the text of example '${id}' is missing` });
  const after = apply(stored, patch);
  const entry = await write(env, found.info, stored, text, after);
  return c.json({
    ...entryOnWire(entry),
    text,
    source: after.source ?? null,
    metadata: after.metadata ?? {},
  });
};
