// Corpora over HTTP: list, inspect, export, delete. What writes has files of its own.

import type { Context } from 'hono';
import { pageQuery } from '../../wire/api/corpora.ts';
import { exportQuery } from '../../wire/api/examples.ts';
import { FaultError } from '../../wire/faults.ts';
import { VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import type { Authenticated } from '../auth/principal.ts';
import { NDJSON, wantsLines } from '../http/lines.ts';
import { parseParams } from '../http/params.ts';
import { gatewayOf } from '../upstream/of.ts';
import { exported } from './export.ts';
import { forgetAdapters } from './forget.ts';
import { textKey, textsUnder } from './keys.ts';
import { readRecord } from './record.ts';
import { removeEntries } from './remove.ts';
import {
  type AllowedCorpus,
  allowedCorpora,
  allowedCorpus,
  forgetCorpusInfo,
  listedCatalogue,
  listOf,
} from './store.ts';
import { vectorizeFault } from './vectorize.ts';
import { corpusOnWire, entryOnWire, pageOnWire } from './wire.ts';

export const corporaRoute = async (c: Context<Authenticated>) => {
  const { limit, cursor = '' } = parseParams(pageQuery, c.req.query());
  const names = await allowedCorpora(c.env, c.var.principal, cursor, limit);
  return c.json(
    pageOnWire(
      names.map((name) => ({ object: 'corpus', name })),
      limit,
      ({ name }) => name,
    ),
  );
};

export const corpusRoute = async (c: Context<Authenticated>) => {
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const described = await (await listedCatalogue(c.env, c.var.principal.tenant, corpus)).describe();
  if (described === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  return c.json(corpusOnWire(c.env, described.info, described.counts));
};

export const deleteCorpusRoute = async (c: Context<Authenticated>) => {
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
  if (info !== null) await forgetAdapters(gatewayOf(c), info);
  if (examples === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  return c.json({ object: 'corpus', name: corpus, deleted: true, examples });
};

export const examplesRoute = async (c: Context<Authenticated>) => {
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  if (wantsLines(c.req.header('accept'))) {
    const { cursor: after = '', limit = Number.POSITIVE_INFINITY, vectors } = parseParams(exportQuery, c.req.query());
    const info = await (await listedCatalogue(c.env, c.var.principal.tenant, corpus)).info();
    if (info === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
    const body = exported(c.env, info, { after, limit, vectors: vectors === '1' });
    return c.body(body, 200, { 'content-type': NDJSON });
  }
  const { limit, cursor = '' } = parseParams(pageQuery, c.req.query());
  const entries = await (await listedCatalogue(c.env, c.var.principal.tenant, corpus)).page(cursor, limit);
  if (entries === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  return c.json(pageOnWire(entries.map(entryOnWire), limit, ({ id }) => id));
};

/** The entry of one example, or the fault that says what is missing. */
const findEntry = async (env: Authenticated['Bindings'], tenant: string, corpus: AllowedCorpus, id: string) => {
  const found = await (await listedCatalogue(env, tenant, corpus)).find(id);
  if (found === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  if (found.entry === null || byteLength(id) > VECTORIZE_MAX_ID_BYTES) {
    throw new FaultError({ kind: 'unknown_example', corpus, id });
  }
  return { info: found.info, entry: found.entry };
};

export const exampleRoute = async (c: Context<Authenticated>) => {
  const { tenant } = c.var.principal;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { info, entry } = await findEntry(c.env, tenant, corpus, c.req.param('id') ?? '');
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
};

export const deleteExampleRoute = async (c: Context<Authenticated>) => {
  const { tenant } = c.var.principal;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const id = c.req.param('id') ?? '';
  const catalogue = await listedCatalogue(c.env, tenant, corpus);
  const info = await catalogue.info();
  if (info === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  const found = byteLength(id) > VECTORIZE_MAX_ID_BYTES ? null : await catalogue.find(id);
  // a text that was cut is known by its own id too
  const entries = found?.entry ? [found.entry] : info.chunked ? await catalogue.chunksOf(id) : [];
  if (entries.length === 0) throw new FaultError({ kind: 'unknown_example', corpus, id });
  await removeEntries(c.env, info, entries);
  await forgetAdapters(
    gatewayOf(c),
    info,
    entries.map((entry) => entry.id),
  );
  return c.json({ object: 'example', id, deleted: true, ...(found?.entry ? {} : { chunks: entries.length }) });
};
