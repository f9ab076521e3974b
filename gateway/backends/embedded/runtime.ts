// onnxruntime as this engine uses it: a graph's bytes become a session once, and a run takes and gives typed arrays.
import { InferenceSession, Tensor } from 'onnxruntime-node';

export type Feeds = Record<string, Tensor>;

export interface Runnable {
  /** Outputs by name. */
  run(feeds: Feeds): Promise<Record<string, Float32Array>>;
  release(): Promise<void>;
}

/** A compiled graph; its outputs keep their shapes, so that they can be fed to another. */
export interface Compiled extends Runnable {
  tensors(feeds: Feeds): Promise<Feeds>;
}

export const floats = (data: Float32Array, shape: readonly number[]): Tensor => new Tensor('float32', data, shape);

export const int64 = (values: BigInt64Array): Tensor => new Tensor('int64', values, [values.length]);

export const ints = (values: readonly number[]): Tensor => int64(BigInt64Array.from(values, BigInt));

export const integersOf = (tensor: Tensor | undefined, name: string): BigInt64Array => {
  if (!(tensor?.data instanceof BigInt64Array)) throw new Error(`${name} is not int64`);
  return tensor.data;
};

export const floatsOf = (tensor: Tensor | undefined, name: string): Float32Array => {
  if (tensor === undefined) throw new Error(`no ${name}`);
  const { data } = tensor;
  if (!(data instanceof Float32Array)) throw new Error(`${name} is not float32`);
  return data;
};

/** Gives an array's memory back now: garbage collection would leave gigabytes of them for later. It is empty afterwards. */
export const discard = ({ buffer }: Float32Array): void => {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
};

export const compile = async (graph: Uint8Array, threads: number): Promise<Compiled> => {
  const session = await InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // a pattern is a second arena for each number of tokens that was seen, kept for good
    enableMemPattern: false,
    extra: {
      session: {
        // small gradients and moments would otherwise fall into the slow path of denormal numbers
        set_denormal_as_zero: '1',
        // the next graph runs at once, and would share its cores with threads that wait for this one
        force_spinning_stop: '1',
      },
    },
  });
  return {
    tensors: (feeds) => session.run(feeds) as Promise<Feeds>,
    async run(feeds) {
      const outputs = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => [name, floatsOf(tensor as Tensor, `output ${name}`)]),
      );
    },
    release: () => session.release(),
  };
};
