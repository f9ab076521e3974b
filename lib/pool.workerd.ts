// `sift-edge/pool` in workerd; its types are those of pool.ts (package.json names them for both).

import type { SelectFrom } from './contract.ts';
import { load } from './load.workerd.ts';
import { selectFromWith } from './select-from.ts';

export { KernelError } from './error.ts';

/** A selection from any vector index, in rounds. */
export const selectFrom: SelectFrom = selectFromWith(load);
