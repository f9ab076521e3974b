// PUT /v1/corpora/NAME: a corpus with what it declares, made now or changed. What filters may name and how texts are cut may
// change at any time, since the index holds every property of the deployment for every corpus; stripes may not, since they
// are where the vectors are.
import type { Context } from 'hono';
import { type CorpusRequest, corpusRequest } from '../../wire/api/corpora.ts';
import { conform, parseJson, readCapped } from '../../wire/body.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { MAX_LINE_BYTES } from '../../wire/limits.ts';
import type { Authenticated } from '../auth/principal.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import { homeOf } from '../upstream/of.ts';
import { checkDeclared } from './filterable.ts';
import { Opening } from './opening.ts';
import { allowedCorpus, catalogueOf, checkEmbedder, forgetCorpusInfo } from './store.ts';
import { overlapOf } from './upload.ts';
import { corpusOnWire } from './wire.ts';

/** The body; an absent one declares nothing. */
const requestOf = async (request: Request): Promise<CorpusRequest> => {
  const bytes = unwrap(await readCapped(request, MAX_LINE_BYTES));
  if (bytes.byteLength === 0) return {};
  const value = unwrap(parseJson(bytes));
  const named = typeof value === 'object' && value !== null && 'filterable' in value ? value.filterable : undefined;
  // zod's records pass over this name
  if (typeof named === 'object' && named !== null && Object.hasOwn(named, '__proto__')) {
    throw new FaultError({ kind: 'bad_field', param: 'filterable', message: "cannot name '__proto__'" });
  }
  return unwrap(conform(value, corpusRequest));
};

export const declareRoute = async (c: Context<Authenticated>) => {
  const { env } = c;
  const { tenant } = c.var.principal;
  const name = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { filterable, chunk, stripes } = await requestOf(c.req.raw);
  if (filterable) checkDeclared(env, filterable);
  const embedder = chooseEmbedder(env);
  const { dimensions } = embedder;
  const declared = {
    ...(filterable ? { filterable } : {}),
    ...(chunk ? { chunk: { size: chunk.size, overlap: chunk.overlap ?? overlapOf(chunk.size) } } : {}),
  };
  const wanted = { tenant, name, stripes: stripes ?? 1, dimensions, embedder: embedder.name, ...declared };
  const opening = new Opening(env, wanted, undefined, homeOf(c.req.raw));
  const known = await opening.info();
  if (typeof stripes === 'number' && stripes !== known.stripes) {
    const message = `is ${stripes}, but corpus '${name}' was made with ${known.stripes}`;
    throw new FaultError({ kind: 'bad_field', param: 'stripes', message });
  }
  checkEmbedder(known, embedder);
  const catalogue = catalogueOf(env, tenant, name);
  await catalogue.declare(declared);
  forgetCorpusInfo(tenant, name);
  const described = await catalogue.describe();
  if (described === null) throw new FaultError({ kind: 'unknown_corpus', corpus: name });
  return c.json(corpusOnWire(env, described.info, described.counts), opening.made ? 201 : 200);
};
