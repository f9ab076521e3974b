// What makes two tunings the same: everything that the weights depend on, in the order that it is used in. The tenant is
// part of it, so that nobody finds what another's examples made; neither prompt nor sampling is, so that one adapter
// serves every prompt with the same selection.
import { createHash } from 'node:crypto';
import { type TuneRequest, tunedOn } from '../../wire/tune/requests.ts';
import type { Model } from '../backends/contract.ts';
import type { ResolvedTuning } from '../tuning.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** 32 hexadecimal digits: the adapter's id, the same for the same work and unguessable without knowing all of it. */
export const adapterKey = (
  tenant: string,
  { id, revision }: Pick<Model, 'id' | 'revision'>,
  request: Pick<TuneRequest, 'picks' | 'use' | 'tuning'>,
  { method, rank, learningRate }: ResolvedTuning,
): string => {
  const { tuning } = request;
  const { beta1, beta2, epsilon, weight_decay, reuse_gradients, guard, seed } = tuning;
  const parts = [
    tenant,
    id,
    revision,
    method,
    // full fine-tuning has neither rank nor weights of its own to begin from
    method === 'lora' ? [rank, seed] : null,
    [learningRate, beta1, beta2, epsilon, weight_decay],
    [reuse_gradients, guard],
    tunedOn(request).map(({ text }) => sha256(text)),
  ];
  return sha256(JSON.stringify(parts)).slice(0, 32);
};
