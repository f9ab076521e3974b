// The gateway over real HTTP, and signed calls to it, for the tests here. Every gateway is closed after its test.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { z } from 'zod';
import type { GatewayOptions } from '../../gateway/app.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { SIGNATURE_HEADER, signRequest } from '../../wire/signature.ts';
import { type TuneEvent, tuneEvent } from '../../wire/tune/responses.ts';
import { type FakeOptions, fakeBackend } from './fake-backend.ts';

export const SECRET = 'a secret of some length';

/** What the gateway logged during the present test, a line each. */
export let logged: string[] = [];
beforeEach(() => {
  logged = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    logged.push(String(line));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

let running: RunningGateway[] = [];
afterEach(async () => {
  const all = running;
  running = [];
  await Promise.all(all.map((gateway) => gateway.close(0)));
});

export type ServeOptions = Partial<Omit<GatewayOptions, 'secret' | 'shutdown'>>;

export const serve = async (options: ServeOptions & Pick<GatewayOptions, 'registry'>) => {
  const gateway = await serveGateway({ secret: SECRET, port: 0, ...options });
  running.push(gateway);
  const call = async (path: string, body: unknown, init: RequestInit = {}) => {
    const bytes = new Uint8Array(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
    const { header, nonce } = await signRequest(SECRET, { method: 'POST', path, body: bytes }, Date.now());
    const response = await fetch(gateway.url + path, {
      ...init,
      method: 'POST',
      body: bytes,
      headers: { [SIGNATURE_HEADER]: header, 'content-type': 'application/json' },
    });
    return { response, nonce };
  };
  const get = async (path: string): Promise<Response> => {
    const { header } = await signRequest(SECRET, { method: 'GET', path, body: new Uint8Array() }, Date.now());
    return fetch(gateway.url + path, { headers: { [SIGNATURE_HEADER]: header } });
  };
  return { gateway, call, get };
};

/** A gateway with one fake backend. */
export const start = async (fake: FakeOptions = {}, options: ServeOptions = {}) => {
  const backend = fakeBackend(fake);
  return { backend, ...(await serve({ registry: registryOf(backend), ...options })) };
};

export const events = async function* (response: Response): AsyncGenerator<TuneEvent> {
  if (response.body === null) throw new Error('no body');
  const parsed = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of parsed) {
    const value = tuneEvent.parse(JSON.parse(data));
    expect(value.event).toBe(event);
    yield value;
  }
};
export const allEvents = (response: Response): Promise<TuneEvent[]> => Array.fromAsync(events(response));

export const json = async <Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.output<Schema>> =>
  schema.parse(await response.json());
const errorBody = z.object({
  error: z.object({ message: z.string(), type: z.string(), code: z.string(), param: z.string().nullable() }),
});
export const errorOf = async (response: Response) => (await json(response, errorBody)).error;

export const picks = ['one', 'two', 'three'].map((text) => ({ id: text, text }));
export const request = { model: 'base', prompt: 'Say', picks };

/** The work's result, or a failure that says what was waited for: no test hangs the rest. The bound is generous. */
export const soon = async <T>(what: string, work: Promise<T>, ms = 10_000): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** Reads /health until it is as wanted: what is known only to the gateway has no event to wait for. */
export const untilHealth = async (
  url: string,
  wanted: (health: { status: string; running: number; waiting: number }) => boolean,
): Promise<void> => {
  for (let tries = 0; tries < 1_000; tries++) {
    if (wanted(await (await fetch(`${url}/health`)).json())) return;
  }
  throw new Error('/health never said what was waited for');
};
