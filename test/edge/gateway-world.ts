// Several gateways in Node without a network: a fetch of their own that signs rightly, remembers nonces and counts the work
// that each of them begins. How one behaves is told request by request.
import { SIGNATURE_HEADER, signEvent, signResponse, signStream } from '../../wire/signature.ts';
import type { TuneRequest } from '../../wire/tune/requests.ts';
import { GATEWAY_SECRET } from './harness.ts';
import { goodEvents, MODELS } from './openai-gateway.ts';

export const BEHAVIOURS = [
  ...(['good', 'busy', 'draining', 'refused', 'no-model', 'too-long', 'stranger'] as const),
  // the connection is lost: before the request has arrived, or after
  ...(['lost-before', 'lost-after'] as const),
  // a proxy's 503: it may have handed the request on before
  ...(['proxy-before', 'proxy-after'] as const),
  // taken, and then no sign of life, an unsigned failure, or an end in the middle
  ...(['hangs', 'fails', 'dies-in-stream', 'drains-in-stream', 'stopped'] as const),
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface WorldGateway {
  readonly url: string;
  models: readonly string[];
  /** Of work; the last one holds from then on. */
  work: Behaviour[];
  /** Of its list of models. */
  lists: 'good' | 'refused';
  /** Prompts whose work it began, and paths that it was asked for. */
  readonly begun: string[];
  readonly seen: string[];
}

const json = async (nonce: string, status: number, body: object, headers: Record<string, string> = {}) => {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const signature = await signResponse(GATEWAY_SECRET, nonce, status, bytes);
  return new Response(bytes, { status, headers: { ...headers, [SIGNATURE_HEADER]: signature } });
};
const errorOf = (code: string, type = 'server_error') => ({
  error: { message: `it said ${code}`, type, code, param: null },
});

const stream = async (nonce: string, request: TuneRequest, how: Behaviour): Promise<Response> => {
  const events: object[] = goodEvents(request);
  if (how === 'dies-in-stream') events.length = 2;
  if (how === 'drains-in-stream') events.splice(2, events.length, { event: 'error', ...errorOf('stopped') });
  const texts = await Promise.all(
    events.map(async (event, i) => {
      const data = JSON.stringify(event);
      return `data: ${data}\nid: ${await signEvent(GATEWAY_SECRET, nonce, i, data)}\n\n`;
    }),
  );
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const text = texts.shift();
      if (text !== undefined) controller.enqueue(new TextEncoder().encode(text));
      else if (how === 'dies-in-stream') controller.error(new TypeError('terminated'));
      else controller.close();
    },
  });
  return new Response(body, { headers: { [SIGNATURE_HEADER]: await signStream(GATEWAY_SECRET, nonce, 200) } });
};

const lost = (): never => {
  throw new TypeError('Network connection lost.');
};

export class World {
  readonly gateways: readonly WorldGateway[];
  readonly #nonces = new Map<string, Set<string>>();

  constructor(names: readonly string[], id: string) {
    this.gateways = names.map((name) => ({
      url: `https://${name}.${id}.test`,
      models: ['base'],
      work: ['good'],
      lists: 'good',
      begun: [],
      seen: [],
    }));
  }

  /** How often the work of this prompt was begun, by all of them. */
  begun(prompt: string): number {
    return this.gateways.reduce((sum, { begun }) => sum + begun.filter((one) => one === prompt).length, 0);
  }

  readonly fetch = async (input: URL | string, init: RequestInit): Promise<Response> => {
    const url = new URL(input);
    const gateway = this.gateways.find((one) => one.url === url.origin);
    if (gateway === undefined) return lost();
    gateway.seen.push(url.pathname);
    const { signal } = init;
    signal?.throwIfAborted();
    const nonce = /n=([0-9a-f]+)/.exec(new Headers(init.headers).get(SIGNATURE_HEADER) ?? '')?.[1] ?? '';
    if (url.pathname === '/v1/models') {
      if (gateway.lists === 'refused') return lost();
      const [model] = MODELS.models;
      return json(nonce, 200, { models: gateway.models.map((id) => ({ ...model, id })) });
    }
    if (url.pathname === '/v1/forget') {
      return gateway.lists === 'refused' ? lost() : json(nonce, 200, { adapters: 0 });
    }
    const request = JSON.parse(new TextDecoder().decode(init.body as Uint8Array)) as TuneRequest;
    const how = (gateway.work.length > 1 ? gateway.work.shift() : gateway.work[0]) ?? 'good';
    if (how === 'refused') return new Response('', { status: 521 });
    if (how === 'stranger') return new Response('who are you?', { status: 403 });
    if (how === 'lost-before') return lost();
    if (how === 'proxy-before') return new Response('', { status: 503 });
    // from here on the request has arrived
    const nonces = this.#nonces.get(gateway.url) ?? new Set();
    this.#nonces.set(gateway.url, nonces);
    if (nonces.has(nonce)) return new Response('used', { status: 401 });
    nonces.add(nonce);
    if (how === 'busy') return json(nonce, 503, errorOf('queue_full'), { 'retry-after': '7' });
    if (how === 'draining') return json(nonce, 503, errorOf('shutting_down'), { 'retry-after': '5' });
    if (how === 'too-long') return json(nonce, 400, errorOf('context_length_exceeded', 'invalid_request_error'));
    if (how === 'no-model' || !gateway.models.includes(request.model)) {
      return json(nonce, 404, errorOf('model_not_found', 'invalid_request_error'));
    }
    gateway.begun.push(request.prompt ?? '');
    if (how === 'stopped') return json(nonce, 503, errorOf('stopped'), { 'retry-after': '5' });
    if (how === 'lost-after') return lost();
    if (how === 'proxy-after') return new Response('', { status: 503 });
    if (how === 'fails') return new Response('', { status: 502 });
    if (how === 'hangs') {
      return new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
      );
    }
    return stream(nonce, request, how);
  };
}
