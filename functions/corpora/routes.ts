// Corpora over HTTP: upload, list, inspect, delete.

import { Hono } from 'hono';
import type { CorpusOnWire, EntryOnWire } from '../../wire/api/corpora.ts';
import { pageQuery, uploadQuery } from '../../wire/api/corpora.ts';
import { FaultError } from '../../wire/faults.ts';
import { VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import type { Authenticated } from '../auth/keys.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import { parseParams } from '../http/params.ts';
import type { CorpusCounts, CorpusInfo, Entry } from './contract.ts';
import { forgetAdapters } from './forget.ts';
import type { Geometry } from './geometry.ts';
import { ingest } from './ingest.ts';
import { textKey, textsUnder } from './keys.ts';
import { readRecord } from './record.ts';
import { Offer } from './sample.ts';
import { allowedCorpus, catalogueOf, checkEmbedder, forgetCorpusInfo, listedCatalogue, listOf } from './store.ts';
import { vectorizeFault } from './vectorize.ts';

const geometryOnWire = ({ sample, meanLength, random, nearest, centred }: Geometry): CorpusOnWire['geometry'] => ({
  sample,
  mean_length: meanLength,
  random: { ...random },
  nearest: { ...nearest },
  centred: centred === undefined ? null : { random: { ...centred.random }, nearest: { ...centred.nearest } },
});

const corpusOnWire = (info: CorpusInfo, counts: CorpusCounts): CorpusOnWire => ({
  object: 'corpus',
  name: info.name,
  examples: counts.examples,
  bytes: counts.bytes,
  stripes: info.stripes,
  dimensions: info.dimensions,
  embedder: info.embedder,
  created_at: info.createdAt,
  version: info.version,
  geometry: info.geometry === undefined ? null : geometryOnWire(info.geometry),
});

const entryOnWire = ({ id, hash, stripe, bytes, long }: Entry): EntryOnWire => ({
  object: 'example',
  id,
  hash,
  bytes,
  stripe,
  long,
});

/** A page of things in the order of their key; the cursor is the last key of the page before. */
const pageOnWire = <T>(data: readonly T[], limit: number, key: (item: T) => string) => {
  const last = data.at(-1);
  return { object: 'list', data, next_cursor: data.length < limit || last === undefined ? null : key(last) };
};

export const corporaRoutes = new Hono<Authenticated>();

corporaRoutes.get('/', async (c) => {
  const { limit, cursor = '' } = parseParams(pageQuery, c.req.query());
  const names = await listOf(c.env, c.var.principal.tenant).page(cursor, limit);
  return c.json(
    pageOnWire(
      names.map((name) => ({ object: 'corpus', name })),
      limit,
      ({ name }) => name,
    ),
  );
});

corporaRoutes.get('/:corpus', async (c) => {
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const described = await (await listedCatalogue(c.env, c.var.principal.tenant, corpus)).describe();
  if (described === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  return c.json(corpusOnWire(described.info, described.counts));
});

corporaRoutes.delete('/:corpus', async (c) => {
  const { tenant } = c.var.principal;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const catalogue = await listedCatalogue(c.env, tenant, corpus);
  const info = await catalogue.info();
  const examples = await catalogue.drop();
  const list = listOf(c.env, tenant);
  await list.leave(corpus);
  // an upload may have made it anew between these two
  if ((await catalogue.info()) !== null) await list.enter(corpus);
  forgetCorpusInfo(tenant, corpus);
  if (info !== null) await forgetAdapters(c.env, info);
  if (examples === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  return c.json({ object: 'corpus', name: corpus, deleted: true, examples });
});

corporaRoutes.post('/:corpus/examples', async (c) => {
  const { tenant } = c.var.principal;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { stripes } = parseParams(uploadQuery, c.req.query());
  const embedder = chooseEmbedder(c.env);
  if (c.req.raw.body === null) throw new FaultError({ kind: 'bad_json', message: 'the body is empty' });
  const list = listOf(c.env, tenant);
  await list.enter(corpus);
  const { info, made } = await catalogueOf(c.env, tenant, corpus).open({
    tenant,
    name: corpus,
    stripes: stripes ?? 1,
    dimensions: embedder.dimensions,
    embedder: embedder.name,
  });
  // a deletion may have taken the name away between these two
  if (made) await list.enter(corpus);
  if (stripes !== undefined && stripes !== info.stripes) {
    const message = `is ${stripes}, but corpus '${corpus}' was made with ${info.stripes}`;
    throw new FaultError({ kind: 'bad_field', param: 'stripes', message });
  }
  checkEmbedder(info, embedder);
  const upload = { env: c.env, info, embedder, writer: crypto.randomUUID(), offer: new Offer() };
  return c.body(ingest(upload, c.req.raw.body), 200, { 'content-type': 'application/x-ndjson' });
});

corporaRoutes.get('/:corpus/examples', async (c) => {
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { limit, cursor = '' } = parseParams(pageQuery, c.req.query());
  const entries = await (await listedCatalogue(c.env, c.var.principal.tenant, corpus)).page(cursor, limit);
  if (entries === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  return c.json(pageOnWire(entries.map(entryOnWire), limit, ({ id }) => id));
});

/** The entry of one example, or the fault that says what is missing. */
const findEntry = async (env: Authenticated['Bindings'], tenant: string, corpus: string, id: string) => {
  const found = await (await listedCatalogue(env, tenant, corpus)).find(id);
  if (found === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  if (found.entry === null || byteLength(id) > VECTORIZE_MAX_ID_BYTES) {
    throw new FaultError({ kind: 'unknown_example', corpus, id });
  }
  return { info: found.info, entry: found.entry };
};

corporaRoutes.get('/:corpus/examples/:id', async (c) => {
  const { tenant } = c.var.principal;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { info, entry } = await findEntry(c.env, tenant, corpus, c.req.param('id'));
  const [vector] = await c.env.VECTORIZE.getByIds([entry.vector]).catch((error: unknown) => {
    throw vectorizeFault(error);
  });
  const record = readRecord(vector?.metadata);
  const stored = entry.long
    ? await c.env.TEXTS.get(textKey(textsUnder(tenant, corpus, info.space), entry.vector))
    : null;
  return c.json({
    ...entryOnWire(entry),
    // the index shows a write a little later than the catalogue knows of it
    indexed: record !== undefined && record.hash === entry.hash,
    text: stored === null ? (record?.text ?? null) : await stored.text(),
    source: record?.source ?? null,
    metadata: record?.meta ?? {},
  });
});

corporaRoutes.delete('/:corpus/examples/:id', async (c) => {
  const { tenant } = c.var.principal;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { info, entry } = await findEntry(c.env, tenant, corpus, c.req.param('id'));
  // the vector first: should the rest fail, the example is still listed and can be deleted again
  await c.env.VECTORIZE.deleteByIds([entry.vector]).catch((error: unknown) => {
    throw vectorizeFault(error);
  });
  await c.env.TEXTS.delete(textKey(textsUnder(tenant, corpus, info.space), entry.vector));
  await catalogueOf(c.env, tenant, corpus).forget(entry.id);
  forgetCorpusInfo(tenant, corpus);
  await forgetAdapters(c.env, info, [entry.id]);
  return c.json({ object: 'example', id: entry.id, deleted: true });
});
