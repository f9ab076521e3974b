// `sift-edge/kernel`.

import type { Select } from './contract.ts';
import { load } from './load.ts';
import { selectWith } from './select.ts';

export type { Pick, Select, SelectOptions, SelectRequest, Strategy, Vector } from './contract.ts';
export { KernelError, type KernelErrorCode } from './error.ts';

/** The candidates that most lower the prompt's uncertainty, in order. */
export const select: Select = selectWith(load);
