// A selection with the Worker's bindings behind it: what /v1/select, /v1/completions and /v1/score all call.

import type { SelectionOptions, SelectRequest } from '../../wire/api/select.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';
import type { Stages } from '../../wire/stages.ts';
import type { Principal } from '../auth/principal.ts';
import type { CorpusInfo } from '../corpora/contract.ts';
import { checkFilter, filterableOf } from '../corpora/filterable.ts';
import { namespace, textKey, textsUnder } from '../corpora/keys.ts';
import { checkEmbedder } from '../corpora/store.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import type { Embedder } from '../embedding/embedder.ts';
import type { Env } from '../env.ts';
import { isolateKernel } from '../kernel/module.workerd.ts';
import type { Index } from '../pool/candidate.ts';
import { labelled, vectorizeIndex } from '../pool/vectorize.ts';
import { parseVector } from '../vectors/input.ts';
import { type Sent, selectFromCandidates } from './candidates.ts';
import { meanForAll } from './centre.ts';
import { cutWarning, type Prompt, promptVectors } from './prompt.ts';
import { type CorpusDeps, completed, type Draft, draftFrom } from './select.ts';
import type { Selection } from './selection.ts';
import { forgetSources, selectedFrom, sourcesOf } from './sources.ts';

/** The stripes of one corpus, as a selection asks for them; of several, candidates say which they are from. */
const stripesOf = (env: Env, info: CorpusInfo, options: SelectionOptions, several: boolean): Index[] => {
  const asked = options.stripes ?? info.stripes;
  if (asked > info.stripes) {
    const message = `is ${asked}, but corpus '${info.name}' has ${info.stripes}`;
    throw new FaultError({ kind: 'bad_field', param: 'stripes', message });
  }
  // optional operators are absent, never undefined, after parsing JSON
  const filter = options.filter as VectorizeVectorMetadataFilter | undefined;
  return Array.from({ length: asked }, (_, stripe) => {
    const index = vectorizeIndex(env.VECTORIZE, namespace(info.space, stripe), info.dimensions, filter);
    return several ? labelled(index, info.name) : index;
  });
};

const depsOf = (env: Env, infos: readonly CorpusInfo[], options: SelectionOptions): CorpusDeps => {
  const mean = meanForAll(
    infos.map(({ geometry }) => geometry),
    options.centre,
  );
  const under = new Map(infos.map(({ tenant, name, space }) => [name, textsUnder(tenant, name, space)]));
  const one = at(infos, 0).name;
  return {
    stripes: infos.flatMap((info) => stripesOf(env, info, options, infos.length > 1)),
    select: isolateKernel().select,
    ...(mean === undefined ? {} : { mean }),
    fetchText: async ({ id, key, corpus = one }) => {
      const stored = await env.TEXTS.get(textKey(under.get(corpus) ?? '', key));
      if (stored === null)
        throw new FaultError({ kind: 'internal', message: `the text of example '${id}' is missing` });
      return stored.text();
    },
  };
};

/** One selection from these corpora; texts in R2 are still to be fetched. */
export const draftFromSources = async (
  env: Env,
  principal: Principal,
  infos: readonly CorpusInfo[],
  prompts: readonly Float32Array[],
  options: SelectionOptions,
  stages: Stages,
): Promise<Draft> => {
  const { filter } = options;
  if (filter !== undefined) for (const info of infos) checkFilter(filter, filterableOf(env, info));
  const names = infos.map(({ name }) => name);
  const from = (known: readonly CorpusInfo[]) => async (): Promise<Draft> => {
    const { selection, text } = await draftFrom(names, depsOf(env, known, options), prompts, options);
    const sources = selectedFrom(env, known);
    return { selection: { ...selection, sources, space: known.length === 1 ? known[0]?.space : undefined }, text };
  };
  const draft = await stages.time('select', from(infos));
  if (draft.selection.pool.size > 0) return draft;
  // nothing there: perhaps what is remembered of the corpora is out of date
  forgetSources(infos);
  const now = await stages.time('corpus', () => sourcesOf(env, principal, names));
  return now.every(({ space }, i) => space === at(infos, i).space) ? draft : stages.time('select', from(now));
};

/** Vectors of the corpora's own dimensions, or the fault that says what is wrong with them. */
export const checkPrompts = (
  prompt: Prompt,
  prompts: readonly Float32Array[],
  infos: readonly CorpusInfo[],
  embedder: Embedder,
): void => {
  const { dimensions } = at(infos, 0);
  if (prompt.input !== undefined) for (const info of infos) checkEmbedder(info, embedder);
  for (const [i, { length }] of prompts.entries()) {
    if (length === dimensions) continue;
    const param = prompt.vectors === undefined ? 'vector' : `vectors[${i}]`;
    throw new FaultError({ kind: 'wrong_dimensions', param, got: length, want: dimensions });
  }
};

/** With what is to be said beside the selection's own warnings. */
export const warned = ({ selection, text }: Draft, warnings: readonly string[]): Draft =>
  warnings.length === 0
    ? { selection, text }
    : { selection: { ...selection, warnings: [...selection.warnings, ...warnings] }, text };

/** `known`: the corpora, where they have been looked up already. */
export const draftFromCorpora = async (
  env: Env,
  principal: Principal,
  names: readonly string[],
  prompt: Prompt,
  options: SelectionOptions,
  stages: Stages,
  known?: readonly CorpusInfo[],
): Promise<Draft> => {
  const embedder = chooseEmbedder(env);
  const warnings: string[] = [];
  const onCut = (_: number, tokens?: number): void => void warnings.push(cutWarning(tokens));
  const [infos, prompts] = await Promise.all([
    known ?? stages.time('corpus', () => sourcesOf(env, principal, names)),
    stages.time('embed', () => promptVectors(prompt, undefined, () => embedder, onCut)),
  ]);
  checkPrompts(prompt, prompts, infos, embedder);
  return warned(await draftFromSources(env, principal, infos, prompts, options, stages), warnings);
};

export const runFromCorpus = async (
  env: Env,
  principal: Principal,
  name: string,
  prompt: Prompt,
  options: SelectionOptions,
  stages: Stages,
): Promise<Selection> => completed(await draftFromCorpora(env, principal, [name], prompt, options, stages));

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

/** One selection from candidates that the caller sent, for the vectors of one prompt. */
export const candidatesFor = async (
  env: Env,
  candidates: NonNullable<SelectRequest['candidates']>,
  dimensions: number,
): Promise<(prompts: readonly Float32Array[], options: SelectionOptions) => Selection> => {
  const sent = await vectorsOf(candidates, dimensions, env);
  return (prompts, options) => selectFromCandidates(sent, prompts, options, isolateKernel().select);
};

export const runFromCandidates = async (
  env: Env,
  request: SelectRequest,
  candidates: NonNullable<SelectRequest['candidates']>,
  stages: Stages,
): Promise<Selection> => {
  const { queries, select } = await stages.time('embed', async () => {
    const prompts = await promptVectors(request, undefined, () => chooseEmbedder(env));
    return { queries: prompts, select: await candidatesFor(env, candidates, prompts[0]?.length ?? 0) };
  });
  return stages.time('select', async () => select(queries, request));
};
