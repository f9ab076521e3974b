// Every route, asked what its own description allows and what it nearly allows: no answer is a 5xx that is not foreseen,
// every answer has the schema that the description gives for its status. The gateway's backend answers at once.
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { factsOf, type RouteName, routeNames } from '../../wire/api/routes.ts';
import { openApi, operationId } from '../../wire/openapi/document.ts';
import { arbitrary, nearMiss, type Schema, type Schemas } from '../fuzz/from-schema.ts';
import { fakeBackend } from '../gateway/fake-backend.ts';
import { type Edge, GATEWAY_SECRET, startEdge } from './harness.ts';

/** Requests of each route, of each kind. */
const RUNS = 12;

interface Response_ {
  readonly content?: Readonly<
    Record<string, { readonly schema: Schema; readonly 'x-line'?: Schema; readonly 'x-event'?: Schema }>
  >;
}
interface Operation {
  readonly responses: Readonly<Record<string, Response_>>;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
}
const document = openApi('0') as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
};
const { schemas } = document.components;

const ajv = new Ajv2020({ strict: false, allErrors: false });
ajv.addSchema({ $id: 'openapi', components: { schemas } });
const problemOf = (schema: Schema, value: unknown): string | undefined => {
  const resolved = schema.$ref === undefined ? schema : { $ref: `openapi${schema.$ref}` };
  return ajv.validate(resolved, value) ? undefined : ajv.errorsText();
};

let gateway: RunningGateway;
let edge: Edge;
beforeAll(async () => {
  gateway = await serveGateway({ registry: registryOf(fakeBackend()), secret: GATEWAY_SECRET, port: 0 });
  edge = await startEdge({ vars: { GATEWAY_URL: gateway.url, DEFAULT_CORPUS: 'docs' } });
  await edge.upload('docs', [
    { id: 'a', text: 'how a router matches the path of a request', metadata: { lang: 'en' } },
    { id: 'b', text: 'how to bake bread with rye flour' },
  ]);
});
afterAll(async () => {
  await edge.close();
  await gateway.close(0);
});

/** Values that are there, so that requests get further than a 404. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  corpus: ['docs', 'none'],
  id: ['a', 'none', '..%2f'],
  name: ['base', 'base:sift', 'none'],
  model: ['base', 'base:sift'],
};

const pathOf = (name: RouteName): fc.Arbitrary<string> => {
  const [, path = ''] = name.split(' ');
  const { parameters = [] } = operationOf(name);
  const query = parameters.filter((one) => one.in === 'query');
  const segments = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter = '']) =>
    fc.constantFrom(...(KNOWN[parameter] ?? ['x'])),
  );
  const queries = fc.record(Object.fromEntries(query.map((one) => [one.name, arbitrary(one.schema, schemas)])), {
    requiredKeys: [],
  });
  return fc.tuple(fc.tuple(...segments), queries).map(([values, asked]) => {
    let at = 0;
    const filled = path.replaceAll(/\{\w+\}/g, () => values[at++] ?? '');
    const text = new URLSearchParams(
      Object.entries(asked as object).map(([key, value]) => [key, String(value)]),
    ).toString();
    return text === '' ? filled : `${filled}?${text}`;
  });
};

const operationOf = (name: RouteName): Operation => {
  const [method = '', path = ''] = name.split(' ');
  const found = document.paths[path]?.[method.toLowerCase()];
  if (found === undefined) throw new Error(`${name} is not described`);
  return found;
};

/** With a model and a corpus that are there, where the body names some. */
const pointed = (body: unknown, pick: number): unknown => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const place = (key: string, value: unknown): unknown =>
    key in KNOWN && typeof value === 'string' ? (KNOWN[key] ?? [])[pick % 2] : key === 'max_tokens' ? 2 : value;
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key, key === 'sift' ? pointed(value, pick) : place(key, value)]),
  );
};

const bodyOf = (name: RouteName): fc.Arbitrary<string | undefined> => {
  const { body, request } = factsOf(name);
  if (body === undefined || request === undefined) return fc.constant(undefined);
  const id = operationId(name);
  const schema = schemas[`${id.charAt(0).toUpperCase()}${id.slice(1)}Request`] ?? {};
  const one = fc
    .tuple(
      fc.oneof({ weight: 3, arbitrary: arbitrary(schema, schemas) }, nearMiss(schema, schemas)),
      fc.nat({ max: 1 }),
    )
    .map(([value, pick]) => JSON.stringify(pointed(value, pick)));
  return body.type === 'json' ? one : fc.array(one, { minLength: 1, maxLength: 3 }).map((lines) => lines.join('\n'));
};

/** Statuses above 499 that tell of something outside: the queue is bounded, and says so. */
const FORESEEN = [503];

describe('every route, asked by its own description', () => {
  it.each(routeNames)('%s', { timeout: 120_000 }, async (name) => {
    const [method = ''] = name.split(' ');
    const { responses } = operationOf(name);
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(pathOf(name), bodyOf(name), async (path, body) => {
        const response = await edge.send(path, { method, ...(body === undefined ? {} : { body }) });
        const text = await response.text();
        const { status } = response;
        statuses.add(status);
        const said = `${method} ${path} ${body ?? ''} answered ${status} ${text.slice(0, 300)}`;
        expect(status < 500 || FORESEEN.includes(status), said).toBe(true);
        const described = responses[String(status)];
        expect(described, `${said}: this status is not described`).toBeDefined();
        const type = response.headers.get('content-type')?.split(';')[0] ?? '';
        const content = described?.content?.[type];
        if (text === '' && described?.content === undefined) return;
        expect(content, `${said}: ${type} is not described`).toBeDefined();
        if (type === 'application/json') {
          expect(problemOf(content?.schema ?? {}, JSON.parse(text)), said).toBeUndefined();
        } else if (content?.['x-line'] !== undefined) {
          for (const line of text.trim().split('\n'))
            expect(problemOf(content['x-line'], JSON.parse(line)), `${said}: ${line}`).toBeUndefined();
        } else if (content?.['x-event'] !== undefined) {
          for (const [, data = ''] of text.matchAll(/^data: (.*)$/gm)) {
            if (data === '[DONE]') continue;
            const event: unknown = JSON.parse(data);
            const failed = typeof event === 'object' && event !== null && 'error' in event;
            const schema = failed ? { $ref: '#/components/schemas/Error' } : content['x-event'];
            expect(problemOf(schema, event), `${said}: ${data}`).toBeUndefined();
          }
        }
      }),
      { numRuns: RUNS, seed: 20261126 },
    );
    // a route that refuses everything was not tried
    expect(Math.min(...statuses), [...statuses].join()).toBeLessThan(500);
  });
});
