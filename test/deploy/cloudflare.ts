// A small Cloudflare on loopback: one account with its indexes, buckets, namespaces, Workers and subdomain, behind the routes
// that a deployment and wrangler use, with Cloudflare's own codes. It remembers what was made and what was asked, and fails
// as it is told to. It runs no Worker.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export const ACCOUNT = '0123456789abcdef0123456789abcdef';
export const TOKEN = 'a token of this test';

export interface Script {
  readonly bindings: readonly Readonly<Record<string, unknown>>[];
  readonly secrets: ReadonlyMap<string, string>;
  /** Sizes of its modules. */
  readonly modules: ReadonlyMap<string, number>;
  readonly migration?: string;
  readonly uploads: number;
  readonly workersDev: boolean;
  readonly domains?: readonly string[];
}

interface Index {
  readonly config: { readonly dimensions: number; readonly metric: string };
  readonly metadata: { propertyName: string; indexType: string }[];
  vectors: number;
}

/** How a request goes wrong: before it is done, or done and its connection broken (`lost`) or left open (`hangs`). */
export type Failing =
  | 'closed'
  | 'lost'
  | 'hangs'
  | { readonly status: number; readonly code: number; readonly message?: string };

interface Fault {
  readonly method: string;
  readonly path: RegExp;
  readonly how: Failing;
  times: number;
}

export interface Account {
  id: string;
  name: string;
}

export class Model {
  accounts: Account[] = [{ id: ACCOUNT, name: 'Test' }];
  subdomain: string | undefined;
  readonly indexes = new Map<string, Index>();
  readonly buckets = new Map<string, Set<string>>();
  /** Titles by id. */
  readonly namespaces = new Map<string, string>();
  readonly scripts = new Map<string, Script>();
  /** `METHOD /path`, without the account. */
  readonly asked: string[] = [];
  /** Asked for and not known here. */
  readonly unknown: string[] = [];
  /** Times that a new metadata index is not listed yet. */
  listedLate = 0;
  faults: Fault[] = [];

  /** The next `times` requests like this one fail. */
  fail(method: string, path: RegExp, how: Failing, times = 1): void {
    this.faults.push({ method, path, how, times });
  }

  /** What is there, to be compared. */
  contents(): unknown {
    return {
      subdomain: this.subdomain,
      indexes: [...this.indexes].map(([name, { config, metadata }]) => [name, config, metadata]),
      buckets: [...this.buckets.keys()],
      namespaces: [...this.namespaces].map(([id, title]) => [title, id]).sort(),
      scripts: [...this.scripts].map(([name, { bindings, secrets }]) => [name, bindings, [...secrets]]),
    };
  }

  /** Deletes of it, beside the subdomain, have left nothing. */
  get empty(): boolean {
    return [this.indexes, this.buckets, this.namespaces, this.scripts].every(({ size }) => size === 0);
  }
}

class Refusal extends Error {
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface Ask {
  readonly model: Model;
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly json: () => Promise<Record<string, unknown>>;
  readonly form: () => Promise<FormData>;
  readonly multipart: boolean;
}

type Handler = (ask: Ask) => unknown | Promise<unknown>;

const part = ({ parts }: Ask, i: number): string => decodeURIComponent(parts[i] ?? '');
const found = <T>(value: T | undefined, code: number, message: string): T => {
  if (value === undefined) throw new Refusal(404, code, message);
  return value;
};
const index = (ask: Ask) => found(ask.model.indexes.get(part(ask, 0)), 3000, 'vectorize.index.not_found');
const bucket = (ask: Ask) => found(ask.model.buckets.get(part(ask, 0)), 10006, 'The specified bucket does not exist.');
const script = (ask: Ask) =>
  found(ask.model.scripts.get(part(ask, 0)), 10007, 'This Worker does not exist on your account.');

interface Metadata {
  readonly bindings: readonly Record<string, unknown>[];
  readonly keep_bindings?: readonly string[];
  readonly migrations?: { readonly new_tag?: string };
}

/** Multipart of a Worker: `metadata`, and a part for each module; tests that run no wrangler send the metadata alone. */
const upload = async (ask: Ask): Promise<unknown> => {
  const form = ask.multipart ? await ask.form() : new FormData();
  const raw = form.get('metadata');
  const metadata: Metadata =
    raw === null
      ? ((await ask.json()) as unknown as Metadata)
      : JSON.parse(typeof raw === 'string' ? raw : await (raw as Blob).text());
  const before = ask.model.scripts.get(part(ask, 0));
  const modules = new Map<string, number>();
  for (const [name, value] of form) if (name !== 'metadata' && typeof value !== 'string') modules.set(name, value.size);
  for (const binding of metadata.bindings) {
    const { type, index_name: vectors, bucket_name: texts, namespace_id: id } = binding;
    if (type === 'vectorize') found(ask.model.indexes.get(String(vectors)), 10159, `no index ${vectors}`);
    if (type === 'r2_bucket') found(ask.model.buckets.get(String(texts)), 10085, `no bucket ${texts}`);
    if (type === 'kv_namespace') found(ask.model.namespaces.get(String(id)), 10041, `no namespace ${id}`);
  }
  const secrets = new Map(metadata.keep_bindings?.includes('secret_text') ? before?.secrets : []);
  for (const { type, name, text } of metadata.bindings) {
    if (type === 'secret_text' && typeof text === 'string') secrets.set(String(name), text);
  }
  ask.model.scripts.set(part(ask, 0), {
    bindings: metadata.bindings.filter(({ type }) => type !== 'secret_text' && type !== 'inherit'),
    secrets,
    modules,
    ...((metadata.migrations?.new_tag ?? before?.migration) === undefined
      ? {}
      : { migration: metadata.migrations?.new_tag ?? before?.migration ?? '' }),
    uploads: (before?.uploads ?? 0) + 1,
    workersDev: before?.workersDev ?? false,
  });
  const known = { deployment_id: 'd', startup_time_ms: 20, tag: 't', etag: 'e', resources: { script: { etag: 'e' } } };
  return { id: part(ask, 0), ...known };
};

const enabling = async (ask: Ask): Promise<unknown> => {
  const { enabled } = await ask.json();
  ask.model.scripts.set(part(ask, 0), { ...script(ask), workersDev: enabled === true });
  return { enabled, previews_enabled: false };
};

/** `*` matches one part of a path, `**` all that follow. */
const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /workers/subdomain': ({ model }) => ({ subdomain: found(model.subdomain, 10007, 'no subdomain') }),
  'PUT /workers/subdomain': async ({ model, json }) => {
    if (model.subdomain !== undefined) throw new Refusal(409, 10036, 'account already has a subdomain');
    model.subdomain = String((await json()).subdomain);
    return { subdomain: model.subdomain };
  },
  'POST /vectorize/v2/indexes': async ({ model, json }) => {
    const { name, config } = (await json()) as { name: string; config: Index['config'] };
    if (model.indexes.has(name)) throw new Refusal(409, 3002, 'vectorize.index.duplicate_name');
    model.indexes.set(name, { config, metadata: [], vectors: 0 });
    return { name, config };
  },
  'GET /vectorize/v2/indexes/*': (ask) => ({ name: part(ask, 0), config: index(ask).config }),
  'GET /vectorize/v2/indexes/*/info': (ask) => ({ vectorCount: index(ask).vectors }),
  'DELETE /vectorize/v2/indexes/*': (ask) => {
    index(ask);
    ask.model.indexes.delete(part(ask, 0));
    return null;
  },
  'GET /vectorize/v2/indexes/*/metadata_index/list': (ask) => {
    const { metadata } = index(ask);
    if (metadata.length > 0 && ask.model.listedLate > 0) {
      ask.model.listedLate -= 1;
      return { metadataIndexes: [] };
    }
    return { metadataIndexes: metadata };
  },
  'POST /vectorize/v2/indexes/*/metadata_index/create': async (ask) => {
    const { metadata } = index(ask);
    const { propertyName, indexType } = (await ask.json()) as { propertyName: string; indexType: string };
    if (metadata.some((one) => one.propertyName === propertyName)) throw new Refusal(400, 4002, 'duplicate property');
    metadata.push({ propertyName, indexType: `${indexType[0]?.toUpperCase()}${indexType.slice(1)}` });
    return { mutationId: randomUUID() };
  },
  'GET /r2/buckets/*': (ask) => {
    bucket(ask);
    return { name: part(ask, 0) };
  },
  'POST /r2/buckets': async ({ model, json }) => {
    const name = String((await json()).name);
    if (model.buckets.has(name)) throw new Refusal(409, 10004, 'The bucket you tried to create already exists.');
    model.buckets.set(name, new Set());
    return { name };
  },
  'GET /r2/buckets/*/objects': (ask) =>
    [...bucket(ask)].slice(0, Number(ask.query.get('per_page'))).map((key) => ({ key })),
  'DELETE /r2/buckets/*/objects/**': (ask) => {
    const key = ask.parts.slice(1).map(decodeURIComponent).join('/');
    if (!bucket(ask).delete(key)) throw new Refusal(404, 10007, 'The specified key does not exist.');
    return { key };
  },
  'DELETE /r2/buckets/*': (ask) => {
    if (bucket(ask).size > 0) throw new Refusal(409, 10008, 'The bucket you tried to delete is not empty.');
    ask.model.buckets.delete(part(ask, 0));
    return null;
  },
  'GET /storage/kv/namespaces': ({ model, query }) => {
    const [page, size] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 20)];
    return [...model.namespaces].slice((page - 1) * size, page * size).map(([id, title]) => ({ id, title }));
  },
  'POST /storage/kv/namespaces': async ({ model, json }) => {
    const title = String((await json()).title);
    if ([...model.namespaces.values()].includes(title)) {
      throw new Refusal(400, 10014, 'create namespace: a namespace with this account ID and title already exists');
    }
    const id = randomUUID().replaceAll('-', '');
    model.namespaces.set(id, title);
    return { id, title };
  },
  'DELETE /storage/kv/namespaces/*': (ask) => {
    if (!ask.model.namespaces.delete(part(ask, 0))) throw new Refusal(404, 10013, 'namespace not found');
    return null;
  },
  'GET /workers/scripts/*/settings': (ask) => {
    const { bindings, secrets } = script(ask);
    return { bindings: [...bindings, ...[...secrets.keys()].map((name) => ({ name, type: 'secret_text' }))] };
  },
  'GET /workers/scripts/*/secrets': (ask) =>
    [...script(ask).secrets.keys()].map((name) => ({ name, type: 'secret_text' })),
  'GET /workers/scripts': ({ model }) =>
    [...model.scripts].map(([id, { migration }]) => ({ id, migration_tag: migration })),
  'GET /workers/services/*': (ask) => ({
    id: part(ask, 0),
    default_environment: {
      environment: 'production',
      script: { tag: 't', tags: [], last_deployed_from: 'wrangler', migration_tag: script(ask).migration },
    },
  }),
  'GET /workers/workers/*': (ask) => ({ subdomain: { enabled: script(ask).workersDev, previews_enabled: false } }),
  'GET /workers/scripts/*/deployments': (ask) => {
    script(ask);
    return { deployments: [] };
  },
  'POST /workers/scripts/*/deployments': (ask) => {
    script(ask);
    return { id: 'd' };
  },
  'POST /workers/scripts/*/versions': upload,
  'PUT /workers/scripts/*': upload,
  'PATCH /workers/scripts/*/script-settings': (ask) => {
    script(ask);
    return {};
  },
  'DELETE /workers/scripts/*': (ask) => {
    script(ask);
    ask.model.scripts.delete(part(ask, 0));
    return null;
  },
  'POST /workers/scripts/*/domains/changeset': () => ({ added: [], removed: [], updated: [], conflicting: [] }),
  'PUT /workers/scripts/*/domains/records': async (ask) => {
    const { origins } = (await ask.json()) as { origins: { hostname: string }[] };
    ask.model.scripts.set(part(ask, 0), { ...script(ask), domains: origins.map(({ hostname }) => hostname) });
    return null;
  },
  'GET /workers/scripts/*/subdomain': (ask) => ({ enabled: script(ask).workersDev, previews_enabled: false }),
  'POST /workers/scripts/*/subdomain': enabling,
  // nothing of the pages is known yet: each is asked for, in one bucket
  'POST /workers/scripts/*/assets-upload-session': async ({ json }) => {
    const { manifest } = (await json()) as { manifest: Record<string, { hash: string }> };
    return { jwt: JWT, buckets: [[...new Set(Object.values(manifest).map(({ hash }) => hash))]] };
  },
  'POST /workers/assets/upload': async ({ form }) => {
    await form();
    return { jwt: JWT };
  },
};

/** Wrangler reads the end of its validity. */
const JWT = `h.${Buffer.from(JSON.stringify({ exp: 4_000_000_000 })).toString('base64url')}.s`;

const PATTERNS = Object.entries(ROUTES).map(([route, handler]) => {
  const [method = '', path = ''] = route.split(' ');
  const pattern = path.replaceAll('/**', '/(.+)').replaceAll('/*', '/([^/]+)');
  return { method, pattern: new RegExp(`^${pattern}$`), handler };
});

const bytesOf = async (request: IncomingMessage): Promise<Buffer<ArrayBuffer>> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

export interface Cloudflare {
  readonly model: Model;
  /** For CLOUDFLARE_API_BASE_URL. */
  readonly url: string;
  close(): Promise<void>;
}

export const startCloudflare = async (model = new Model()): Promise<Cloudflare> => {
  const answer = async (request: IncomingMessage, path: string, query: URLSearchParams, body: Buffer<ArrayBuffer>) => {
    if (path === '/accounts') return model.accounts;
    if (path === '/memberships') return model.accounts.map((account) => ({ id: account.id, account }));
    if (path === '/user/tokens/verify') return { id: 't', status: 'active' };
    if (path === '/user') return { id: 'u', email: 'somebody@example.com' };
    const inside = path.replace(`/accounts/${ACCOUNT}`, '');
    for (const { method, pattern, handler } of PATTERNS) {
      const match = method === request.method ? pattern.exec(inside) : null;
      if (match === null) continue;
      const parts = match.slice(1).flatMap((one) => one.split('/'));
      const json = async () => JSON.parse(body.toString()) as Record<string, unknown>;
      const form = () =>
        new Response(body, { headers: { 'content-type': request.headers['content-type'] ?? '' } }).formData();
      const multipart = request.headers['content-type']?.startsWith('multipart/') === true;
      return await handler({ model, parts, query, json, form, multipart });
    }
    model.unknown.push(`${request.method} ${inside}`);
    throw new Refusal(404, 7003, `Could not route to ${inside}`);
  };
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
    const told = `${request.method} ${pathname.replace(`/accounts/${ACCOUNT}`, '')}`;
    model.asked.push(told);
    const say = (status: number, result: unknown, errors: unknown[] = []): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ success: errors.length === 0, result, errors, messages: [] }));
    };
    try {
      const body = await bytesOf(request);
      const fault = model.faults.find(
        ({ method, path, times }) => times > 0 && method === request.method && path.test(pathname),
      );
      if (fault !== undefined) fault.times -= 1;
      if (fault?.how === 'closed') return void request.socket.destroy();
      if (typeof fault?.how === 'object') {
        const { status, code, message = 'as told' } = fault.how;
        throw new Refusal(status, code, message);
      }
      const isAssets = pathname.endsWith('/assets/upload'); // with a token of its own
      if (!isAssets && request.headers.authorization !== `Bearer ${TOKEN}`) {
        throw new Refusal(403, 10000, 'Authentication error');
      }
      const result = await answer(request, pathname, searchParams, body);
      if (fault?.how === 'lost') return void request.socket.destroy();
      if (fault?.how === 'hangs') return;
      say(isAssets ? 201 : 200, result);
    } catch (error) {
      if (!(error instanceof Refusal)) return say(500, null, [{ code: 1, message: String(error) }]);
      say(error.status, null, [{ code: error.code, message: error.message }]);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    model,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
