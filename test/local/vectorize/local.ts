// Starts the local Vectorize in workerd, bound under VECTORIZE to a driver Worker, and calls it from Node.
// `door: 'rpc'` is the binding the edge has locally; `door: 'binding'` goes through workerd's own class for Vectorize,
// which speaks HTTP to the same index. JSON between Node and the driver carries NaN and float arrays as tagged objects.
import { fileURLToPath } from 'node:url';
import { Log, LogLevel, Miniflare, type MiniflareOptions } from 'miniflare';
import { buildKernel } from '../../../assembly/build.ts';
import { bundle, COMPATIBILITY_DATE, MAIN_MODULE } from '../../../local/bundle.ts';

export interface Vector {
  id: string;
  values: ArrayLike<number>;
  namespace?: string;
  metadata?: Record<string, unknown>;
}
export interface Match {
  id: string;
  score: number;
  namespace?: string;
  values?: number[];
  metadata?: Record<string, unknown>;
}
export interface Info {
  vectorCount: number;
  dimensions: number;
  processedUpToDatetime: string | null;
  processedUpToMutation: string | null;
}
export interface Index {
  describe(): Promise<Info>;
  query(vector: ArrayLike<number>, options?: object): Promise<{ matches: Match[]; count: number }>;
  queryById(id: string, options?: object): Promise<{ matches: Match[]; count: number }>;
  insert(vectors: readonly Vector[]): Promise<{ mutationId: string }>;
  upsert(vectors: readonly Vector[]): Promise<{ mutationId: string }>;
  getByIds(ids: readonly string[]): Promise<Vector[]>;
  deleteByIds(ids: readonly string[]): Promise<{ mutationId: string }>;
  configure(changes: object): Promise<unknown>;
  flush(): Promise<number>;
  clear(): Promise<void>;
}
export interface Started {
  readonly url: URL;
  readonly index: Index;
  stop(): Promise<void>;
}

const METHODS = [
  'describe',
  'query',
  'queryById',
  'insert',
  'upsert',
  'getByIds',
  'deleteByIds',
  'configure',
  'flush',
  'clear',
] as const;

const DRIVER = `
  const revive = (key, value) =>
    value?.$number !== undefined ? Number(value.$number) : value?.$f32 !== undefined ? new Float32Array(value.$f32) : value;
  export default {
    async fetch(request, env) {
      if (request.headers.has('MF-URL')) return env.VECTORIZE.fetch(request);
      const [method, args] = JSON.parse(await request.text(), revive);
      try {
        return Response.json({ value: await env.VECTORIZE[method](...args) });
      } catch (error) {
        return Response.json({ error: error.message });
      }
    },
  };`;

const tagged = (_key: string, value: unknown): unknown => {
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  return value instanceof Float32Array ? { $f32: [...value] } : value;
};

type Worker = NonNullable<MiniflareOptions['workers']>[number];

const vectorizeLocal = async (vars: Record<string, string>): Promise<Worker> => {
  await buildKernel();
  const modules = await bundle(fileURLToPath(new URL('../../../local/vectorize/index.ts', import.meta.url)));
  const text = Object.entries(vars).map(([name, value]) => [name, { type: 'text', value }] as const);
  return {
    config: {
      name: 'vectorize-local',
      compatibilityDate: COMPATIBILITY_DATE,
      manifest: { mainModule: MAIN_MODULE, modules },
      env: {
        INDEX: { type: 'durable-object', worker: 'vectorize-local', exportName: 'VectorIndex' },
        ...Object.fromEntries(text),
      },
      exports: { VectorIndex: { type: 'durable-object', storage: 'sqlite' } },
    },
  };
};

const driver = (binding: object, dev: object = {}): Worker =>
  ({
    config: {
      name: 'driver',
      compatibilityDate: COMPATIBILITY_DATE,
      manifest: { mainModule: 'driver.js', modules: { 'driver.js': { type: 'esm', contents: DRIVER } } },
      env: { VECTORIZE: binding },
    },
    dev,
  }) as Worker;

const run = async (workers: Worker[], extra: object = {}): Promise<Started> => {
  const miniflare = new Miniflare({ log: new Log(LogLevel.ERROR), cf: false, workers, ...extra } as MiniflareOptions);
  const url = await miniflare.ready;
  const call = async (method: string, args: unknown[]): Promise<unknown> => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify([method, args], tagged) });
    const answer = (await response.json()) as { value?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  };
  const methods = METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)] as const);
  return { url, index: Object.fromEntries(methods) as unknown as Index, stop: () => miniflare.dispose() };
};

/** `vars` are the Worker's; with `directory` the index outlives `stop()`. */
export const startLocal = async (vars: Record<string, string>, directory?: string): Promise<Started> =>
  run(
    [driver({ type: 'worker', worker: 'vectorize-local' }), await vectorizeLocal(vars)],
    directory === undefined ? {} : { resourcePersistencePath: directory },
  );

/** workerd's own Vectorize class, asking the index behind `local`. */
export const startRealBinding = (local: URL): Promise<Started> =>
  run([driver({ type: 'vectorize', name: 'sift', dev: { remote: true } }, { remoteProxyConnectionString: local })]);

/** What a call answers or throws, as text that can be compared. */
export const outcome = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
