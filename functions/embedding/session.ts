// A session of onnxruntime, web or native, as the embedder takes it. Which of the two made it does not matter: they share
// their types, and only their own Tensor fits their own session.
import type { InferenceSession, Tensor } from 'onnxruntime-web';

/** A model ready to run: ids and masks in, batch × tokens; float32 out. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Rejects with a sentence when the output holds no floating-point numbers. */
  run(
    feeds: Readonly<Record<string, BigInt64Array<ArrayBuffer>>>,
    shape: readonly [batch: number, tokens: number],
    output: string,
  ): Promise<{ readonly data: Float32Array; readonly dims: readonly number[] }>;
}

type TensorOf = new (
  ...of:
    | [type: 'int64', data: BigInt64Array, dims: readonly number[]]
    | [type: 'int32', data: Int32Array, dims: readonly number[]]
) => Tensor;

/** The number that 16 bits are. */
const half = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1_024) * 2 ** (exponent - 15));
};

/** A copy, since the tensor's own memory is freed with it. Half precision comes as its bits, or as numbers in newer engines. */
const floats = (name: string, { type, data }: Tensor): Float32Array => {
  if (data instanceof Float32Array) return data.slice();
  if (type === 'float16' && data instanceof Uint16Array) return Float32Array.from(data, half);
  if (type === 'float16' || type === 'float64') return Float32Array.from(data as ArrayLike<number>);
  throw new Error(`the model's '${name}' holds ${type}, floating-point numbers are needed`);
};

export const sessionOver = (inner: InferenceSession, Tensor: TensorOf): Session => {
  const narrow = new Set(
    inner.inputMetadata.filter((input) => input.isTensor && input.type === 'int32').map(({ name }) => name),
  );
  return {
    inputNames: inner.inputNames,
    outputNames: inner.outputNames,
    async run(feeds, shape, output) {
      const tensors = Object.entries(feeds).map(([name, ids]) => {
        const tensor = narrow.has(name)
          ? new Tensor('int32', Int32Array.from(ids, Number), shape)
          : new Tensor('int64', ids, shape);
        return [name, tensor] as const;
      });
      const tensor = (await inner.run(Object.fromEntries(tensors), [output]))[output];
      if (tensor === undefined) throw new Error(`the model gave no '${output}'`);
      try {
        return { data: floats(output, tensor), dims: tensor.dims };
      } finally {
        tensor.dispose();
      }
    },
  };
};
