// Refuses work that the machine has no memory for, with the numbers, before anything is allocated: the kernel would end the
// process instead. Two workers that begin at once may both be let in; the estimate is of one.
import { FaultError } from '../../../wire/faults.ts';
import { MEMORY_RETRY_S } from '../../../wire/limits.ts';
import type { OpenOptions } from '../contract.ts';
import { type Memory, memoryAvailable } from './available.ts';
import { memoryNeed } from './model/memory.ts';
import { LORA_SCALE, type Model } from './model/model.ts';

/** Throws where a step on an example of so many tokens does not fit; 0 tokens: where the session itself does not. */
export const requireMemory = (
  model: Pick<Model, 'architecture'>,
  { model: name, method, rank }: Pick<OpenOptions, 'model' | 'method' | 'rank'>,
  tokens: number,
  { available, total }: Memory = memoryAvailable(),
  held = process.memoryUsage.rss(),
): void => {
  const lora = method === 'full' ? undefined : { rank, scale: LORA_SCALE };
  const need = memoryNeed(model.architecture, lora, tokens);
  const peak = need.model + need.session + need.step;
  const how = lora === undefined ? 'full fine-tuning' : `LoRA of rank ${rank}`;
  const work = `${how} of '${name}'${tokens === 0 ? '' : ` on an example of ${tokens} tokens`}`;
  if (peak > total) throw new FaultError({ kind: 'never_fits', work, needs: peak, machine: total });
  const more = peak - held;
  if (more > available) {
    throw new FaultError({ kind: 'no_memory', work, needs: more, free: available, retryAfterS: MEMORY_RETRY_S });
  }
};
