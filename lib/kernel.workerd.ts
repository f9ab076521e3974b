// `sift-edge/kernel` in workerd; its types are those of kernel.ts (package.json names them for both).

import type { Select } from './contract.ts';
import { load } from './load.workerd.ts';
import { selectWith } from './select.ts';

export { KernelError } from './error.ts';

/** The candidates that most lower the prompt's uncertainty, in order. */
export const select: Select = selectWith(load);
