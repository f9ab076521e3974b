// `sift-edge/pool` over a kernel that somebody else loads: a selection from any vector index, in rounds. The first round asks
// with the prompt, each further one with the part of it that the picks so far do not explain (functions/pool/pool.ts).
import type { Kernel } from '../functions/kernel/index.ts';
import { toQ15 } from '../functions/kernel/q15.ts';
import type { Candidate, Index } from '../functions/pool/candidate.ts';
import { draftFrom } from '../functions/select/select.ts';
import { normalise } from '../functions/vectors/algebra.ts';
import { at } from '../wire/list.ts';
import { shown } from '../wire/words.ts';
import type { Match, PoolSelection, SelectFrom, SelectFromRequest, VectorIndex } from './contract.ts';
import { KernelError, kernelError } from './error.ts';
import { optionsOf } from './options.ts';
import { promptsOf, vectorOf } from './vector.ts';

/** Matches as candidates, each remembered by its id. */
const remembering = <M extends Match>(index: VectorIndex<M>, dimensions: number) => {
  const matches = new Map<string, M>();
  const candidateOf = (match: M): Candidate => {
    const { id, vector } = match;
    if (typeof id !== 'string') {
      throw new KernelError('bad_match', `a match has the id ${shown(id)}, it must be a string`, { param: 'id' });
    }
    const param = `vector of match '${id}'`;
    if (vector === undefined || vector === null) {
      const message = `match '${id}' came without its vector: ask the index for values (Vectorize: returnValues)`;
      throw new KernelError('bad_match', message, { param });
    }
    if (!matches.has(id)) matches.set(id, match);
    return { id, key: id, row: toQ15(normalise(vectorOf(param, vector, dimensions))), bytes: 0 };
  };
  /** What went wrong inside the caller's index is the caller's own error. */
  let failure: { readonly error: unknown } | undefined;
  const asIndex: Index = {
    async query(vector, k) {
      // in a function: an index may also throw before there is a promise
      const ask = async () => index.query(vector, k);
      const found = await ask().catch((error: unknown) => {
        failure ??= { error };
        throw error;
      });
      if (!Array.isArray(found)) {
        throw new KernelError('bad_match', 'the index must answer with an array of matches', { param: 'query' });
      }
      return (found as readonly M[]).slice(0, k).map(candidateOf);
    },
  };
  return { matches, asIndex, failed: () => failure };
};

const noTexts = (): Promise<string> => Promise.reject(new Error('texts stay with the matches'));

export const selectFromWith =
  (load: () => Promise<Kernel>): SelectFrom =>
  async <M extends Match>(index: VectorIndex<M>, request: SelectFromRequest): Promise<PoolSelection<M>> => {
    const { prompt, mean, ...given } = request;
    const options = optionsOf(given, { pool: true });
    const prompts = promptsOf(prompt);
    const dimensions = at(prompts, 0).length;
    const { matches, asIndex, failed } = remembering(index, dimensions);
    const less = mean === undefined ? {} : { mean: vectorOf('mean', mean, dimensions) };
    try {
      const { select } = await load();
      const deps = { stripes: [asIndex], select, fetchText: noTexts, ...less };
      const { selection } = await draftFrom(['index'], deps, prompts, options);
      const { size, collapsed, queries, rounds } = selection.pool;
      return {
        picks: selection.picks.map(({ id, gain, variance, explained, similarity, covariance, copies }) => {
          const match = matches.get(id);
          if (match === undefined) throw new Error(`no match has the id '${id}'`);
          return { match, gain, variance, explained, similarity, covariance, copies };
        }),
        pool: { size, copies: collapsed, queries, rounds },
        warnings: selection.warnings,
      };
    } catch (error) {
      const own = failed();
      throw own === undefined ? kernelError(error) : own.error;
    }
  };
