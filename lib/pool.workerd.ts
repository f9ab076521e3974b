// `sift-edge/pool` in workerd.

import type { SelectFrom } from './contract.ts';
import { load } from './load.workerd.ts';
import { selectFromWith } from './select-from.ts';

export type {
  Match,
  PoolOptions,
  PoolPick,
  PoolSelection,
  SelectFrom,
  SelectFromRequest,
  SelectOptions,
  Strategy,
  Vector,
  VectorIndex,
} from './contract.ts';
export { KernelError, type KernelErrorCode } from './error.ts';

/** A selection from any vector index, in rounds. */
export const selectFrom: SelectFrom = selectFromWith(load);
