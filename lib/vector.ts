// Vectors as callers hold them, checked once and copied into float32. A refusal names the value and its place.
import { shown } from '../wire/words.ts';
import { KernelError } from './error.ts';

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

const listOf = (param: string, value: unknown): ArrayLike<unknown> => {
  if (isList(value)) return value;
  throw new KernelError('bad_option', `${param} is ${shown(value)}, it must be an array of numbers`, { param, value });
};

/** `dimensions`: the length that it must have. */
export const vectorOf = (param: string, given: unknown, dimensions?: number): Float32Array<ArrayBuffer> => {
  const values = listOf(param, given);
  if (values.length === 0) throw new KernelError('wrong_dimensions', `${param} has no values`, { param, value: 0 });
  if (dimensions !== undefined && values.length !== dimensions) {
    const message = `${param} has ${values.length} values, the prompt has ${dimensions}`;
    throw new KernelError('wrong_dimensions', message, { param, value: values.length });
  }
  const vector = new Float32Array(values.length);
  let zero = true;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const where = { param, index, value };
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new KernelError('not_finite', `${param}[${index}] is ${shown(value)}, it must be a finite number`, where);
    }
    const rounded = Math.fround(value);
    if (!Number.isFinite(rounded)) {
      throw new KernelError('not_finite', `${param}[${index}] is ${value}, beyond float32 (3.4e38)`, where);
    }
    vector[index] = rounded;
    if (rounded !== 0) zero = false;
  }
  if (zero) throw new KernelError('zero_vector', `${param} is all zeros: it has no direction`, { param });
  return vector;
};

/** One prompt, or several of one length. */
export const promptsOf = (given: unknown): Float32Array<ArrayBuffer>[] => {
  const list = listOf('prompt', given);
  if (!isList(list[0])) return [vectorOf('prompt', list)];
  const first = vectorOf('prompt[0]', list[0]);
  const others = Array.from(list).slice(1);
  return [first, ...others.map((one, i) => vectorOf(`prompt[${i + 1}]`, one, first.length))];
};
