// The OpenAPI 3.1 description of the edge, from the table of routes and the very schemas that parse and answer. What JSON
// Schema cannot say (UTF-8 bytes, one of two fields) is left to the error that a request then gets.
import * as z from 'zod';
import { errorBody } from '../api/error.ts';
import { EVERY_ROUTE, factsOf, type RouteFacts, type RouteName, routeNames } from '../api/routes.ts';
import { codeOf, type Fault, statusOf } from '../faults.ts';

type Json = { readonly [name: string]: unknown };

/** As a caller writes it, or as we answer it. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
};

/** `POST /v1/chat/completions` is `postChatCompletions`; parameters are no part of it where the name stays unique. */
export const operationId = (name: RouteName): string => {
  const [method = '', path = ''] = name.split(' ');
  const words = path
    .replace(/^\/v1\//, '')
    .split(/[^A-Za-z]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
};

const title = (name: RouteName): string => {
  const id = operationId(name);
  return id.charAt(0).toUpperCase() + id.slice(1);
};

const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }));

const queryParameters = (query: z.ZodType | undefined): Json[] => {
  if (query === undefined) return [];
  const { properties = {} } = schemaOf(query, 'input') as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
};

const headerParameters = ({ idempotency }: RouteFacts): Json[] =>
  idempotency === 'taken'
    ? [
        {
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          description: 'The same request under the same key is answered once and replayed for 24 h (docs/keys.md).',
          schema: { type: 'string', minLength: 1 },
        },
      ]
    : [];

/** Faults by status: each says the same as the table of docs/reference/api.md. */
const failures = (kinds: readonly Fault['kind'][]): Json => {
  const byStatus = Map.groupBy(kinds, statusOf);
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      String(status),
      {
        description: [...new Set(of.map(codeOf))].join(', '),
        ...(status === 429 || status === 503
          ? { headers: { 'retry-after': { description: 'seconds', schema: { type: 'string' } } } }
          : {}),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
};

const JSON_LINES = 'application/x-ndjson';
const EVENTS = 'text/event-stream';

const answerContent = (name: RouteName, { response, lines, events }: RouteFacts): Json => ({
  ...(response === undefined ? {} : { 'application/json': { schema: ref(name, 'Response') } }),
  ...(lines === undefined
    ? {}
    : {
        [JSON_LINES]: { schema: { type: 'string', description: 'a JSON object a line' }, 'x-line': ref(name, 'Line') },
      }),
  ...(events === undefined
    ? {}
    : {
        [EVENTS]: {
          schema: { type: 'string', description: '`data:` lines, the last one [DONE]' },
          'x-event': ref(name, 'Event'),
        },
      }),
});

const ref = (name: RouteName, what: string): Json => ({ $ref: `#/components/schemas/${title(name)}${what}` });

const requestBody = (name: RouteName, { body, request }: RouteFacts): Json => {
  if (body === undefined || request === undefined) return {};
  const content =
    body.type === 'json'
      ? { 'application/json': { schema: ref(name, 'Request') } }
      : {
          [JSON_LINES]: {
            schema: { type: 'string', description: 'a JSON object a line' },
            'x-line': ref(name, 'Request'),
          },
        };
  return { requestBody: { required: true, description: `at most ${body.limit} bytes`, content } };
};

/** An answer that tells of every line has them also where all of them failed. */
const withLines = (failed: Json, statuses: readonly number[], content: Json): Json => {
  const lines = Object.fromEntries(Object.entries(content).filter(([type]) => type === JSON_LINES));
  const both = statuses.map((status) => {
    const known = failed[status] as { readonly description: string; readonly content: Json } | undefined;
    const description = `${known === undefined ? '' : `${known.description}; `}all lines failed`;
    return [status, { ...known, description, content: { ...known?.content, ...lines } }];
  });
  return { ...failed, ...Object.fromEntries(both) };
};

const operation = (name: RouteName): Json => {
  const facts = factsOf(name);
  const [, path = ''] = name.split(' ');
  const parameters = [...pathParameters(path), ...queryParameters(facts.query), ...headerParameters(facts)];
  const { unchanged = false, created, failedWhole = [] } = facts;
  const success = { description: facts.summary, content: answerContent(name, facts) };
  return {
    operationId: operationId(name),
    summary: facts.summary,
    description: `Scope: ${facts.scopes.join(' or ')}.${facts.limits === undefined ? '' : ` Limits: ${facts.limits}.`}`,
    tags: [path.split('/')[2] ?? ''],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBody(name, facts),
    responses: {
      ...(created === 'always' ? {} : { 200: success }),
      ...(created === undefined ? {} : { 201: success }),
      ...(unchanged ? { 304: { description: 'what If-None-Match names is still the answer' } } : {}),
      ...withLines(failures([...facts.errors, ...EVERY_ROUTE]), failedWhole, answerContent(name, facts)),
    },
  };
};

/** Schemas of one route, by name. */
const schemasOf = (name: RouteName): [string, Json][] => {
  const { request, response, lines, events } = factsOf(name);
  const named: [string, z.ZodType | undefined, 'input' | 'output'][] = [
    ['Request', request, 'input'],
    ['Response', response, 'output'],
    ['Line', lines, 'output'],
    ['Event', events, 'output'],
  ];
  return named.flatMap(([what, schema, io]) =>
    schema === undefined ? [] : [[`${title(name)}${what}`, schemaOf(schema, io)] as [string, Json]],
  );
};

/** `version`: of the package. */
export const openApi = (version: string): Json => {
  const paths: Record<string, Record<string, Json>> = {};
  for (const name of routeNames) {
    const [method = '', path = ''] = name.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(name) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sift Edge',
      version,
      description: 'Test-time fine-tuning: the examples that most reduce a model’s uncertainty about a prompt.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Error: schemaOf(errorBody, 'output'),
        ...Object.fromEntries(routeNames.flatMap(schemasOf)),
      },
    },
  };
};
