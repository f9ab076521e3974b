// POST /v1/corpora/NAME/examples: what is asked of an upload, and the corpus it is for, before its first line is read.
import type { Context } from 'hono';
import { overlapProblem, uploadQuery } from '../../wire/api/corpora.ts';
import { FaultError } from '../../wire/faults.ts';
import { CHUNK_OVERLAP_SHARE } from '../../wire/limits.ts';
import type { Authenticated } from '../auth/principal.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import { parseParams } from '../http/params.ts';
import { encodingOf } from '../http/plain.ts';
import { gatewayOf, homeOf } from '../upstream/of.ts';
import type { CorpusInfo } from './contract.ts';
import { ingest } from './ingest.ts';
import { Opening } from './opening.ts';
import { Offer } from './sample.ts';
import { allowedCorpus, catalogueOf, checkEmbedder, listOf } from './store.ts';
import { unpacked } from './unpack.ts';
import { uploaded } from './uploaded.ts';

/** The overlap of chunks where it is not given: so far that any passage fits entirely inside some chunk. */
export const overlapOf = (size: number): number => Math.round(size * CHUNK_OVERLAP_SHARE);

/** How this upload cuts texts: as its query says, else as the corpus does. */
const chunkOf = (size: number | undefined, overlap: number | undefined, info: CorpusInfo | undefined) => {
  if (overlap !== undefined && !size) {
    throw new FaultError({ kind: 'bad_field', param: 'overlap', message: "needs 'chunk'" });
  }
  if (size === undefined) return info?.chunk;
  if (size === 0) return undefined;
  const message = overlapProblem(size, overlap);
  if (message !== undefined) throw new FaultError({ kind: 'bad_field', param: 'overlap', message });
  return { size, overlap: overlap ?? overlapOf(size) };
};

export const uploadRoute = async (c: Context<Authenticated>) => {
  const { env } = c;
  const { tenant } = c.var.principal;
  const name = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { stripes, summary, chunk: size, overlap } = parseParams(uploadQuery, c.req.query());
  const embedder = chooseEmbedder(env);
  const { body } = c.req.raw;
  if (body === null) throw new FaultError({ kind: 'bad_json', message: 'the body is empty' });
  const home = homeOf(c.req.raw);
  const known = (await listOf(env, tenant, home).has(name)) ? await catalogueOf(env, tenant, name, home).info() : null;
  if (known !== null) {
    if (stripes !== undefined && stripes !== known.stripes) {
      const message = `is ${stripes}, but corpus '${name}' was made with ${known.stripes}`;
      throw new FaultError({ kind: 'bad_field', param: 'stripes', message });
    }
    checkEmbedder(known, embedder);
  }
  const { dimensions } = embedder;
  const wanted = { tenant, name, stripes: stripes ?? 1, dimensions, embedder: embedder.name };
  const chunk = chunkOf(size, overlap, known ?? undefined);
  const upload = {
    env,
    gateway: gatewayOf(c),
    corpus: new Opening(env, wanted, known ?? undefined, home),
    embedder,
    writer: crypto.randomUUID(),
    offer: new Offer(),
    cuts: chunk !== undefined,
    replaced: [],
  };
  const shape = { dimensions: known?.dimensions ?? dimensions, embedder: embedder.name, chunk };
  const answer = await uploaded(ingest(upload, shape, unpacked(body, encodingOf(c.req.raw.headers))), {
    summary: summary === '1',
  });
  // the status is 200, or that of an upload that failed as a whole
  return c.body(answer.body, answer.status as 200, { 'content-type': 'application/x-ndjson' });
};
