// What people reported of such systems, asked of the whole path over HTTP: the edge in workerd, the gateway, the bundled
// model. Each file of data/ holds an input and the right value; a further file of the same form is picked up by itself.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { type Edge, GATEWAY_SECRET, startEdge } from '../edge/harness.ts';

const DATA = fileURLToPath(new URL('data/', import.meta.url));
const MODEL = fileURLToPath(new URL('../../models/base', import.meta.url));

interface Request {
  readonly path?: string;
  readonly body?: Record<string, unknown>;
}
interface Case {
  readonly id: string;
  readonly checkpoint?: string;
  readonly upload?: string | readonly string[];
  readonly line?: string;
  readonly filters?: readonly unknown[];
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly request?: Record<string, unknown>;
  readonly requests?: readonly (string | Record<string, unknown> | Request)[];
  readonly expected: unknown;
}

const cases: Case[] = readdirSync(DATA)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(DATA + name, 'utf8')))
  // those of other checkpoints, or of tokens, are asked of the engine itself (engine.test.ts)
  .filter((one: Case) => one.checkpoint === undefined && !('tokens' in one));

let gateway: RunningGateway;
let edge: Edge;
beforeAll(async () => {
  gateway = await serveGateway({
    registry: registryOf(await createEmbeddedBackend({ models: { base: MODEL } })),
    secret: GATEWAY_SECRET,
    port: 0,
  });
  edge = await startEdge({ vars: { GATEWAY_URL: gateway.url } });
});
afterAll(async () => {
  await edge?.close();
  await gateway?.close(0);
});

const send = async (path: string, body: unknown) => {
  const response = await edge.send(path, { body });
  const text = await response.text();
  return { status: response.status, value: JSON.parse(text), text };
};
/** A completion unless the body scores a text. */
const pathOf = (body: Record<string, unknown>): string => ('text' in body ? '/v1/score' : '/v1/completions');
const ask = (one: string | Record<string, unknown> | Request) => {
  if (typeof one === 'string') {
    const [, path = '/'] = one.split(' ');
    return edge.send(path).then(async (response) => ({ status: response.status, text: await response.text() }));
  }
  const { path, body } = one as Request;
  return body === undefined ? send(pathOf(one as Record<string, unknown>), one) : send(path ?? pathOf(body), body);
};
const linesOf = ({ upload }: Case): string[] =>
  typeof upload === 'string'
    ? readFileSync(DATA + upload, 'utf8')
        .trimEnd()
        .split('\n')
    : [...(upload ?? [])];

/** One sentence for a person: no list of issues, no stack. */
const isSentence = (text: string): void => {
  const { message } = JSON.parse(text).error;
  expect(message).not.toMatch(/[\n{]|invalid_type|ZodError| {4}at /);
  expect(message.length).toBeLessThan(300);
};

const check: Record<string, (one: Case) => Promise<void>> = {
  async upload(one) {
    const corpus = one.id.toLowerCase();
    const results = await edge.upload(corpus, linesOf(one));
    if (Array.isArray(one.expected) && typeof one.expected[0] === 'string') {
      expect(results.map(({ status }) => (status === 'updated' ? 'created' : status))).toEqual(one.expected);
      return;
    }
    expect(results.filter(({ status }) => status === 'error')).toEqual([]);
    for (const [i, filter] of (one.filters ?? []).entries()) {
      const { status, value } = await send('/v1/select', { corpus, input: 'text', filter });
      expect(status).toBe(200);
      expect(
        value.picks
          .map((pick: { id: string }) => pick.id)
          .filter(unique)
          .sort(),
      ).toEqual((one.expected as string[][])[i]);
    }
    if (one.request !== undefined) {
      const { status, text } = await send(pathOf(one.request), {
        ...one.request,
        sift: { ...(one.request.sift as object), corpus },
      });
      expect([400, 502]).toContain(status);
      isSentence(text);
    }
  },
  async filters(one) {
    await edge.upload(one.id.toLowerCase(), [{ id: 'a', text: 'alpha' }]);
    for (const filter of one.filters ?? []) {
      const { status, text } = await send('/v1/select', { corpus: one.id.toLowerCase(), input: 'text', filter });
      expect([status, filter]).toEqual([one.expected, filter]);
      isSentence(text);
    }
  },
  async preflight(one) {
    const response = await edge.send(one.path ?? '/', { method: 'OPTIONS', key: null, headers: one.headers ?? {} });
    const allowed = (response.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/,\s*/);
    const asked = (one.headers?.['access-control-request-headers'] ?? '').split(',');
    expect(asked.length).toBeGreaterThan(5);
    for (const header of asked) expect(allowed).toContain(header);
  },
  async line(one) {
    const [result] = await edge.upload(one.id.toLowerCase(), [one.line ?? '']);
    if (one.expected === 'an error line') expect(result?.status).toBe('error');
    if (result?.status === 'error') {
      expect(result.error?.message).toMatch(/\(line 1\)$|line 1/);
      return;
    }
    // or nothing of it is lost
    const sent = JSON.parse(one.line ?? '');
    const path = `/v1/corpora/${one.id.toLowerCase()}/examples/${encodeURIComponent(sent.id)}`;
    const stored = JSON.parse(await (await edge.send(path)).text());
    expect(Object.entries(stored.metadata).sort()).toEqual(Object.entries(sent.metadata).sort());
  },
  async requests(one) {
    for (const request of one.requests ?? []) {
      const { status, text } = await ask(request);
      expect([status, request, text]).toEqual([one.expected, request, text]);
    }
  },
  async request(one) {
    const { status, text, value } = (await ask(one.request ?? {})) as Awaited<ReturnType<typeof send>>;
    const { expected } = one;
    if (typeof expected === 'object' && expected !== null) {
      const wanted = expected as { status?: number; text?: string };
      expect([status, value.choices?.[0]?.text]).toEqual([wanted.status ?? 200, wanted.text]);
    } else if (String(expected).startsWith('usage.prompt_tokens')) {
      const [, tokens] = /prompt_tokens (\d+)/.exec(String(expected)) ?? [];
      if (status === 200) expect(value.usage.prompt_tokens).toBe(Number(tokens));
      else expect([status, value.error.code]).toEqual([400, 'context_length_exceeded']);
    } else {
      expect(status).toBe(400);
      isSentence(text);
    }
  },
};

const unique = <T>(value: T, i: number, all: readonly T[]): boolean => all.indexOf(value) === i;

const kindOf = (one: Case): string => {
  if (one.method === 'OPTIONS') return 'preflight';
  const kind = ['upload', 'filters', 'line', 'requests', 'request'].find((name) => name in one);
  if (kind === undefined) throw new Error(`case ${one.id} has no known form`);
  return kind;
};

describe('reported cases over HTTP', () => {
  it('are there', () => {
    expect(cases.length).toBeGreaterThanOrEqual(14);
  });

  it.each(cases.map((one) => [one.id, kindOf(one), one] as const))('%s (%s)', async (_, kind, one) => {
    await check[kind]?.(one);
  });
});
