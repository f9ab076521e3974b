// A session of onnxruntime, web or native, as the embedder takes it. Which of the two made it does not matter: they share
// their types, and only their own Tensor fits their own session.
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { Session } from './sentence.ts';

type TensorOf = new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => Tensor;

export const sessionOver = (inner: InferenceSession, Tensor: TensorOf): Session => ({
  inputNames: inner.inputNames,
  async run(feeds, shape) {
    const tensors = Object.entries(feeds).map(([name, ids]) => [name, new Tensor('int64', ids, shape)] as const);
    const outputs = Object.entries(await inner.run(Object.fromEntries(tensors)));
    return Object.fromEntries(
      outputs.map(([name, tensor]) => {
        // a copy: the tensor's own memory is freed with it
        const data = tensor.data instanceof Float32Array ? tensor.data.slice() : new Float32Array();
        const { dims } = tensor;
        tensor.dispose();
        return [name, { data, dims }] as const;
      }),
    );
  },
});
