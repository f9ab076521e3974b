// Starts the local Vectorize in workerd, bound under VECTORIZE to a driver Worker, and calls it from Node.
// `door: 'rpc'` is the binding the edge has locally; `door: 'binding'` goes through workerd's own class for Vectorize,
// which speaks HTTP to the same index. JSON between Node and the driver carries NaN and float arrays as tagged objects.
import { fileURLToPath } from 'node:url';
import { buildKernel } from '../../../assembly/build.ts';
import { bundle } from '../../../local/bundle.ts';
import { VECTORIZE_HEADER } from '../../../local/doors.ts';
import { startWorkerd, type WorkerOptions } from '../../../local/workerd.ts';

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

const SECRET = 'a secret of this test process';

const DRIVER = `
  const revive = (key, value) =>
    value?.$number !== undefined ? Number(value.$number) : value?.$f32 !== undefined ? new Float32Array(value.$f32) : value;
  export default {
    async fetch(request, env) {
      if (request.headers.has('MF-URL')) {
        const headers = new Headers(request.headers);
        headers.set('${VECTORIZE_HEADER}', '${SECRET}');
        return env.VECTORIZE.fetch(new Request(request, { headers }));
      }
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

const vectorizeLocal = async (vars: Record<string, string>): Promise<WorkerOptions> => {
  await buildKernel();
  return {
    name: 'vectorize-local',
    modules: await bundle(fileURLToPath(new URL('../../../local/vectorize/index.ts', import.meta.url))),
    bindings: { INDEX: { type: 'durable-object', worker: 'vectorize-local', exportName: 'VectorIndex' } },
    vars: { DOOR_SECRET: SECRET, ...vars },
    objects: ['VectorIndex'],
  };
};

const driver = (binding: object, dev: object = {}): WorkerOptions => ({
  name: 'driver',
  mainModule: 'driver.js',
  modules: { 'driver.js': { type: 'esm', contents: DRIVER } },
  bindings: { VECTORIZE: binding },
  dev,
});

const run = async (workers: readonly WorkerOptions[], directory?: string): Promise<Started> => {
  const { url, stop } = await startWorkerd(workers, directory);
  const call = async (method: string, args: unknown[]): Promise<unknown> => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify([method, args], tagged) });
    const answer = (await response.json()) as { value?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  };
  const methods = METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)] as const);
  return { url, index: Object.fromEntries(methods) as unknown as Index, stop };
};

/** `vars` are the Worker's; with `directory` the index outlives `stop()`. */
export const startLocal = async (vars: Record<string, string>, directory?: string): Promise<Started> =>
  run([driver({ type: 'worker', worker: 'vectorize-local' }), await vectorizeLocal(vars)], directory);

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
