// The edge in workerd, as production configures it, with the local Vectorize under its binding: one per test file.
import { createTestHarness } from 'wrangler';
import { VECTORIZE_HEADER } from '../../local/doors.ts';
import config from '../../models/embedder/config.json' with { type: 'json' };
import { checkDeclared } from './declared.ts';

export const DIMENSIONS = config.dimensions;
export const KEY = 'sk-test-one';
/** A key of another tenant. */
export const OTHER_KEY = 'sk-test-two';
/** A key that nobody else uses, to be used too often. */
export const BUSY_KEY = 'sk-test-busy';
export const GATEWAY_SECRET = 'a secret between edge and gateway';

/** What the local Vectorize's switches ask for. */
const VECTORIZE_SECRET = 'a secret of this test process';

/** The little that is asked of the bindings themselves. */
interface Vectors {
  describe(): Promise<{ vectorCount: number }>;
}
interface Kv {
  list(): Promise<{ keys: { name: string }[] }>;
  get(name: string): Promise<string | null>;
  delete(name: string): Promise<void>;
}
interface Texts {
  list(): Promise<{ objects: { key: string }[] }>;
}

const ROOT = new URL('../../', import.meta.url);

export interface HarnessOptions {
  readonly vars?: Record<string, string>;
}

export type SendOptions = Omit<RequestInit, 'body'> & { body?: unknown; key?: string | null };

/** The ways to speak to an edge. */
export interface Caller {
  readonly url: URL;
  /** A request with the first tenant's key; an object as body is sent as JSON. */
  send(path: string, options?: SendOptions): Promise<Response>;
  /** Uploads lines as NDJSON and answers the parsed result lines, without the summary. */
  upload(corpus: string, lines: readonly unknown[], key?: string): Promise<UploadResult[]>;
}

export interface Edge extends Caller {
  /** A switch of the local Vectorize: configure, flush or clear. */
  vectorize(path: 'configure' | 'flush' | 'clear', body?: unknown): Promise<void>;
  /** How many vectors and long texts all corpora hold together. */
  stored(): Promise<{ vectors: number; texts: number }>;
  /** What KV holds of keys, by name. */
  keysInKv(): Promise<Record<string, string>>;
  /** Takes a key out of KV, as another location's revocation would. */
  dropFromKv(id: string): Promise<void>;
  /** Keys of the long texts of all corpora. */
  textKeys(): Promise<string[]>;
  close(): Promise<void>;
}

export interface UploadResult {
  line: number;
  id: string | null;
  status: 'created' | 'updated' | 'unchanged' | 'error';
  error?: { message: string; code: string };
}

const bodyOf = (body: unknown): RequestInit['body'] =>
  body === undefined || typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream
    ? (body as RequestInit['body'])
    : JSON.stringify(body);

export const edgeAt = (url: URL): Caller => {
  const send = async (path: string, { body, key = KEY, ...init }: SendOptions = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (key !== null) headers.set('authorization', `Bearer ${key}`);
    const request: RequestInit = { ...init, headers };
    if (body !== undefined) {
      request.method = init.method ?? 'POST';
      request.body = bodyOf(body) ?? null;
      if (body instanceof ReadableStream) Object.assign(request, { duplex: 'half' });
    }
    const response = await fetch(new URL(path, url), request);
    await checkDeclared(request.method ?? 'GET', path, response);
    return response;
  };
  return {
    url,
    send,
    async upload(corpus, lines, key = KEY) {
      const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
      const response = await send(`/v1/corpora/${corpus}/examples?summary=0`, { body, key });
      const text = await response.text();
      // an upload of which every line failed has a status of its own
      if (response.headers.get('content-type') !== 'application/x-ndjson') {
        throw new Error(`upload answered ${response.status}: ${text}`);
      }
      return text === ''
        ? []
        : text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as UploadResult);
    },
  };
};

/** The local index has what the edge is told of, as a deployment makes it. */
const indexesOf = (filterable: string): string =>
  [...Object.entries(JSON.parse(filterable)).map(([name, type]) => `meta.${name}:${type}`), 'source:string'].join(',');

export const startEdge = async (options: HarnessOptions = {}): Promise<Edge> => {
  const harness = createTestHarness({
    root: ROOT.pathname,
    workers: [
      {
        configPath: 'wrangler.toml',
        vars: { GATEWAY_URL: '', ...options.vars },
        secrets: { API_KEY: `${KEY},other=${OTHER_KEY},busy=${BUSY_KEY}`, GATEWAY_SECRET },
        bindingOverrides: { VECTORIZE: 'vectorize-local' },
      },
      {
        configPath: 'local/vectorize/wrangler.toml',
        vars: {
          DIMENSIONS: String(DIMENSIONS),
          METADATA_INDEXES: indexesOf(options.vars?.FILTERABLE ?? '{"lang":"string"}'),
          DOOR_SECRET: VECTORIZE_SECRET,
        },
      },
    ],
  });
  const { url } = await harness.listen();
  const vectorize: Edge['vectorize'] = async (path, body) => {
    const worker = harness.getWorker('vectorize-local');
    const response = await worker.fetch(`/${path}`, {
      method: 'POST',
      headers: { [VECTORIZE_HEADER]: VECTORIZE_SECRET },
      body: JSON.stringify(body ?? {}),
    });
    if (!response.ok) throw new Error(`vectorize-local ${path}: ${response.status} ${await response.text()}`);
  };
  const stored: Edge['stored'] = async () => {
    const env = await harness.getWorker<{ VECTORIZE: Vectors; TEXTS: Texts }>('sift-edge').getEnv();
    const [{ vectorCount }, { objects }] = await Promise.all([env.VECTORIZE.describe(), env.TEXTS.list()]);
    return { vectors: vectorCount, texts: objects.length };
  };
  const textKeys: Edge['textKeys'] = async () => {
    const env = await harness.getWorker<{ TEXTS: Texts }>('sift-edge').getEnv();
    return (await env.TEXTS.list()).objects.map(({ key }) => key);
  };
  const kv = async (): Promise<Kv> => (await harness.getWorker<{ KEYS: Kv }>('sift-edge').getEnv()).KEYS;
  const keysInKv: Edge['keysInKv'] = async () => {
    const held = await kv();
    const { keys } = await held.list();
    return Object.fromEntries(await Promise.all(keys.map(async ({ name }) => [name, (await held.get(name)) ?? ''])));
  };
  const dropFromKv: Edge['dropFromKv'] = async (id) => (await kv()).delete(`key/${id}`);
  return { ...edgeAt(url), vectorize, stored, textKeys, keysInKv, dropFromKv, close: () => harness.close() };
};
