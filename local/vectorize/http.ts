// The internal HTTP that the real Vectorize binding speaks: GET info; POST query, insert, upsert (NDJSON), getByIds, deleteByIds.
// Miniflare's remote proxy puts the address it was asked for into MF-URL, so that header names the operation when it is there.
// Besides: POST configure, flush and clear, the switches of config.ts.
// All of it needs the secret that whoever started the Worker gave it as DOOR_SECRET; without such a var the door is shut.
import { VECTORIZE_HEADER } from '../doors.ts';
import type { Switches } from './config.ts';
import { type Answer, faultResponse, refuse, UNREADABLE_QUERY, UNREADABLE_VECTORS } from './faults.ts';
import { isRecord } from './metadata.ts';
import type { Operations } from './operations.ts';

export interface Controls {
  configure(changes: Partial<Switches>): Promise<Switches>;
  flush(): Promise<number>;
  clear(): Promise<void>;
}

const respond = <T>(result: Answer<T>): Response =>
  result.ok ? Response.json(result.value) : faultResponse(result.fault);

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** One JSON object a line, or `{"vectors":[…]}` in one; undefined when a line cannot be read. */
const parseVectorLines = (text: string): unknown => {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const objects = lines.map(parseJson);
  const only = objects.length === 1 ? objects[0] : undefined;
  if (isRecord(only) && Array.isArray(only.vectors)) return only.vectors;
  return objects.includes(undefined) ? undefined : objects;
};

/** Compared without telling by the time taken how much of it was right. */
const isSame = (said: string, secret: string): boolean => {
  if (said.length !== secret.length) return false;
  let difference = 0;
  for (let i = 0; i < said.length; i++) difference |= said.charCodeAt(i) ^ secret.charCodeAt(i);
  return difference === 0;
};

const mayEnter = (request: Request, secret: string | undefined): boolean =>
  secret !== undefined && secret !== '' && isSame(request.headers.get(VECTORIZE_HEADER) ?? '', secret);

export const handle = async (
  request: Request,
  secret: string | undefined,
  operations: Operations,
  controls: Controls,
): Promise<Response> => {
  if (!mayEnter(request, secret)) {
    return new Response(`the header ${VECTORIZE_HEADER} is missing or is not this process's secret\n`, { status: 403 });
  }
  const url = new URL(request.headers.get('MF-URL') ?? request.url);
  const name = url.pathname.slice(1);
  if (name === 'info') {
    return request.method === 'GET' ? respond(await operations.info()) : notAllowed('GET');
  }
  if (request.method !== 'POST') return notAllowed('POST');
  const text = await request.text();
  if (name === 'insert' || name === 'upsert') {
    const vectors = parseVectorLines(text);
    if (vectors === undefined) {
      return respond(refuse(UNREADABLE_VECTORS, 'failed to parse upsert vectors request in json format'));
    }
    return respond(await operations.write(name, vectors));
  }
  if (name === 'flush') return Response.json({ applied: await controls.flush() });
  if (name === 'clear') {
    await controls.clear();
    return Response.json({});
  }
  const body = parseJson(text);
  if (!isRecord(body))
    return respond(refuse(UNREADABLE_QUERY, 'Failed to parse the request body as JSON: expected value'));
  switch (name) {
    case 'query': {
      const { vector, vectorId, ...options } = body;
      return respond(await operations.query(vectorId === undefined ? { vector } : { vectorId }, options));
    }
    case 'getByIds':
      return respond(await operations.get(body.ids));
    case 'deleteByIds':
      return respond(await operations.remove(body.ids));
    case 'configure':
      return Response.json(await controls.configure(body));
    default:
      return new Response(`no operation ${name}`, { status: 404 });
  }
};

const notAllowed = (allow: string): Response => new Response('method not allowed', { status: 405, headers: { allow } });
