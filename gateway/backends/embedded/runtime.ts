// onnxruntime as this engine uses it: a graph's bytes become a session once, and a run takes and gives typed arrays.
import { InferenceSession, Tensor } from 'onnxruntime-node';

export type Feeds = Record<string, Tensor>;

export interface Runnable {
  /** Outputs by name; those in `into` are written to the arrays given there. */
  run(feeds: Feeds, into?: Readonly<Record<string, Tensor>>): Promise<Record<string, Float32Array>>;
  release(): Promise<void>;
}

export const floats = (data: Float32Array, shape: readonly number[]): Tensor => new Tensor('float32', data, shape);

export const ints = (values: readonly number[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

export const compile = async (graph: Uint8Array, threads: number): Promise<Runnable> => {
  const session = await InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // small gradients and moments would otherwise fall into the slow path of denormal numbers
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  return {
    async run(feeds, into = {}) {
      const fetches: Record<string, Tensor | null> = {};
      for (const name of session.outputNames) fetches[name] = into[name] ?? null;
      const outputs = await session.run(feeds, fetches);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { data }]) => {
          if (!(data instanceof Float32Array)) throw new Error(`output ${name} is not float32`);
          return [name, data];
        }),
      );
    },
    release: () => session.release(),
  };
};
