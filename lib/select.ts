// `sift-edge/kernel` over a kernel that somebody else loads: candidates in memory, picks with what each adds. The edge's own
// selection from the candidates of a request (functions/select/candidates.ts) with arguments that are checked here.
import type { Kernel } from '../functions/kernel/index.ts';
import { selectFromCandidates } from '../functions/select/candidates.ts';
import { at } from '../wire/list.ts';
import type { Select, Vector } from './contract.ts';
import { KernelError, kernelError } from './error.ts';
import { optionsOf } from './options.ts';
import { promptsOf, vectorOf } from './vector.ts';

export const selectWith =
  (load: () => Promise<Kernel>): Select =>
  async (request) => {
    const { prompt, candidates, ...given } = request;
    const options = optionsOf(given, { pool: false });
    const prompts = promptsOf(prompt);
    const dimensions = at(prompts, 0).length;
    if (!Array.isArray(candidates)) {
      const message = 'candidates must be an array of vectors';
      throw new KernelError('bad_option', message, { param: 'candidates', value: candidates });
    }
    const sent = Array.from(candidates as readonly Vector[], (one, i) => ({
      id: '',
      vector: vectorOf(`candidates[${i}]`, one, dimensions),
    }));
    if (sent.length === 0) return [];
    // what cannot be picked takes no room
    const n = options.repeat ? options.n : Math.min(options.n, sent.length);
    try {
      const kernel = await load();
      const { picks } = selectFromCandidates(sent, prompts, { ...options, n }, kernel.select);
      return picks.map(({ index = 0, gain, variance, explained, similarity, covariance }) => ({
        index,
        gain,
        variance,
        explained,
        similarity,
        covariance,
      }));
    } catch (error) {
      throw kernelError(error);
    }
  };
