// What the library refuses, for programs: a code, the argument, and of a vector the place and the value.
import { asFault, describe } from '../wire/faults.ts';

export type KernelErrorCode =
  /** NaN, ±∞, no number at all, or beyond what float32 holds. */
  | 'not_finite'
  /** A vector of zeros has no direction. */
  | 'zero_vector'
  /** Another length than the prompt. */
  | 'wrong_dimensions'
  /** An option out of its limits, or one that does not exist. */
  | 'bad_option'
  /** The index answered with something that is no match. */
  | 'bad_match'
  /** The WebAssembly could not be loaded, or failed. */
  | 'internal';

export interface KernelErrorDetails {
  /** The argument: `prompt`, `candidates[3]`, `lambda`. */
  readonly param: string;
  /** Of a vector: the place of the value. */
  readonly index?: number;
  readonly value?: unknown;
  readonly cause?: unknown;
}

export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly code: KernelErrorCode;
  readonly param: string;
  readonly index: number | undefined;
  readonly value: unknown;

  constructor(code: KernelErrorCode, message: string, { param, index, value, cause }: KernelErrorDetails) {
    super(message, { cause });
    this.code = code;
    this.param = param;
    this.index = index;
    this.value = value;
  }
}

/** A fault of the code that the edge shares, as the library's own error. */
export const kernelError = (error: unknown): KernelError => {
  if (error instanceof KernelError) return error;
  const fault = asFault(error);
  if (fault.kind === 'bad_field') {
    return new KernelError('bad_option', `${fault.param} ${fault.message}`, { param: fault.param, cause: error });
  }
  return new KernelError('internal', describe(fault), { param: '', cause: error });
};
