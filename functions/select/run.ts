// A selection with the Worker's bindings behind it: what /v1/select, /v1/completions and /v1/score all call.

import type { SelectionOptions, SelectRequest } from '../../wire/api/select.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';
import type { Principal } from '../auth/keys.ts';
import type { CorpusInfo } from '../corpora/contract.ts';
import { namespace, textKey, textsUnder } from '../corpora/keys.ts';
import { allowedCorpus, checkEmbedder, corpusInfo, forgetCorpusInfo } from '../corpora/store.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import type { Env } from '../env.ts';
import type { Stages } from '../http/stages.ts';
import { isolateKernel } from '../kernel/module.workerd.ts';
import { vectorizeIndex } from '../pool/vectorize.ts';
import { parseVector } from '../vectors/input.ts';
import { type Sent, selectFromCandidates } from './candidates.ts';
import { meanFor } from './centre.ts';
import { type Prompt, promptVectors } from './prompt.ts';
import { type CorpusDeps, selectFromCorpus } from './select.ts';
import type { Selection } from './selection.ts';

/** Stripes and texts of one corpus, as a selection asks for them. */
const depsOf = (env: Env, info: CorpusInfo, options: SelectionOptions): CorpusDeps => {
  const asked = options.stripes ?? info.stripes;
  if (asked > info.stripes) {
    const message = `is ${asked}, but corpus '${info.name}' has ${info.stripes}`;
    throw new FaultError({ kind: 'bad_field', param: 'stripes', message });
  }
  const under = textsUnder(info.tenant, info.name, info.space);
  // optional operators are absent, never undefined, after parsing JSON
  const mean = meanFor(info.geometry, options.centre);
  const filter = options.filter as VectorizeVectorMetadataFilter | undefined;
  return {
    stripes: Array.from({ length: asked }, (_, stripe) =>
      vectorizeIndex(env.VECTORIZE, namespace(info.space, stripe), info.dimensions, filter),
    ),
    select: isolateKernel().select,
    ...(mean === undefined ? {} : { mean }),
    fetchText: async ({ id, key }) => {
      const stored = await env.TEXTS.get(textKey(under, key));
      if (stored === null)
        throw new FaultError({ kind: 'internal', message: `the text of example '${id}' is missing` });
      return stored.text();
    },
  };
};

export const runFromCorpus = async (
  env: Env,
  principal: Principal,
  name: string,
  prompt: Prompt,
  options: SelectionOptions,
  stages: Stages,
): Promise<Selection> => {
  const { tenant } = principal;
  const corpus = allowedCorpus(principal, name);
  const embedder = chooseEmbedder(env);
  const [info, prompts] = await Promise.all([
    stages.time('corpus', () => corpusInfo(env, tenant, corpus)),
    stages.time('embed', () => promptVectors(prompt, undefined, () => embedder)),
  ]);
  if (prompt.input !== undefined) checkEmbedder(info, embedder);
  for (const [i, { length }] of prompts.entries()) {
    if (length === info.dimensions) continue;
    const param = prompt.vectors === undefined ? 'vector' : `vectors[${i}]`;
    throw new FaultError({ kind: 'wrong_dimensions', param, got: length, want: info.dimensions });
  }
  const from = (one: CorpusInfo) => async (): Promise<Selection> => {
    const selection = await selectFromCorpus(corpus, depsOf(env, one, options), prompts, options);
    return { ...selection, space: one.space };
  };
  const selection = await stages.time('select', from(info));
  if (selection.pool.size > 0) return selection;
  // nothing there: perhaps what is remembered of the corpus is out of date
  forgetCorpusInfo(tenant, corpus);
  const now = await stages.time('corpus', () => corpusInfo(env, tenant, corpus));
  return now.space === info.space ? selection : stages.time('select', from(now));
};

/** Vectors for all candidates: those sent are checked, the others embedded in one go. */
const vectorsOf = async (
  candidates: NonNullable<SelectRequest['candidates']>,
  dimensions: number,
  env: Env,
): Promise<Sent[]> => {
  const texts = candidates.flatMap(({ vector, text }) => (vector === undefined && text !== undefined ? [text] : []));
  const embedder = texts.length === 0 ? undefined : chooseEmbedder(env);
  if (embedder !== undefined && embedder.dimensions !== dimensions) {
    const what = { got: dimensions, want: embedder.dimensions };
    throw new FaultError({ kind: 'wrong_dimensions', param: 'vector', ...what });
  }
  const made = (await embedder?.embed(texts, 'head')) ?? [];
  let next = 0;
  return candidates.map(({ id, text, vector }, i) => {
    const sent =
      vector === undefined
        ? at(made, next++)
        : unwrap(parseVector(vector, dimensions, { param: `candidates[${i}].vector` }));
    return { id, text, vector: sent };
  });
};

export const runFromCandidates = async (
  env: Env,
  request: SelectRequest,
  candidates: NonNullable<SelectRequest['candidates']>,
  stages: Stages,
): Promise<Selection> => {
  const { queries, sent } = await stages.time('embed', async () => {
    const prompts = await promptVectors(request, undefined, () => chooseEmbedder(env));
    return { queries: prompts, sent: await vectorsOf(candidates, prompts[0]?.length ?? 0, env) };
  });
  return stages.time('select', async () => selectFromCandidates(sent, queries, request, isolateKernel().select));
};
