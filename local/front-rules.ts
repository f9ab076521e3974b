// Which requests the local front refuses, and which headers go on. Pure: it knows a request's line and headers only.
import type { WireError } from '../wire/faults.ts';

export interface RequestHead {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

const refuse = (status: number, code: string, message: string): WireError => ({
  status,
  body: { error: { message, type: 'invalid_request_error', code, param: null } },
  headers: {},
});

export const badRequest = (message: string): WireError => refuse(400, 'bad_request', message);

/** Pairs of a raw list of headers. */
function* pairs(rawHeaders: readonly string[]): Generator<[name: string, value: string]> {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) yield [rawHeaders[i] as string, rawHeaders[i + 1] as string];
}

/** What the edge's routes answer to, and what tells a caller so; workerd has no name for others. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The names under which this machine is called, with the port; without it where 80 is meant. */
const isOurs = (authority: string, port: number): boolean =>
  ['127.0.0.1', 'localhost', '[::1]'].some((host) => {
    const said = authority.toLowerCase();
    return said === `${host}:${port}` || (port === 80 && said === host);
  });

/** Headers and paths by which Miniflare is steered, or by which it takes a caller for another one. */
const isSteering = (name: string): boolean => /^(x-)?mf-/i.test(name);
const isTool = (path: string): boolean => /^\/(cdn-cgi|__cf_local)(\/|$)/i.test(path);

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

const wrongHost = (said: string, port: number): WireError =>
  refuse(
    421,
    'wrong_host',
    `Host is ${quoted(said)}, this server answers for 127.0.0.1:${port}, localhost:${port} and [::1]:${port} only`,
  );

/** The request's path and query, from either form of target; undefined when it is neither. */
export const pathOf = (target: string): { authority?: string; path: string } | undefined => {
  if (target.startsWith('/')) return { path: target };
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target);
  if (absolute === null) return undefined;
  const [, authority = '', rest = ''] = absolute;
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
};

/** Why a request does not go on to the edge; undefined when it does. */
export const refusal = ({ method, target, rawHeaders }: RequestHead, port: number): WireError | undefined => {
  const hosts: string[] = [];
  for (const [name, value] of pairs(rawHeaders)) {
    if (name.toLowerCase() === 'host') hosts.push(value);
  }
  if (hosts.length !== 1) return badRequest(`Host is sent ${hosts.length} times, it must be sent once`);
  const [host = ''] = hosts;
  if (!isOurs(host, port)) return wrongHost(host, port);
  if (!METHODS.includes(method)) {
    const { headers, ...rest } = refuse(405, 'wrong_method', `${method} is not allowed here`);
    return { ...rest, headers: { ...headers, allow: METHODS.join(', ') } };
  }
  const asked = pathOf(target);
  if (asked === undefined) {
    return badRequest(`the request's target is ${quoted(target)}, it must be a path`);
  }
  if (asked.authority !== undefined && !isOurs(asked.authority, port)) return wrongHost(asked.authority, port);
  for (const [name] of pairs(rawHeaders)) {
    if (isSteering(name)) return badRequest(`the header ${quoted(name)} is not taken from outside`);
  }
  // as a URL is read: "/./cdn-cgi", "\cdn-cgi"
  const { pathname } = new URL(`http://edge${asked.path}`);
  if (isTool(pathname)) return refuse(404, 'not_found', `nothing at ${pathname.slice(0, 80)}`);
  return undefined;
};

/** What concerns one connection and not the request. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const endToEnd = (rawHeaders: readonly string[], besides: (name: string) => boolean): string[] => {
  const named = new Set<string>();
  for (const [name, value] of pairs(rawHeaders)) {
    if (name.toLowerCase() === 'connection') for (const one of value.split(',')) named.add(one.trim().toLowerCase());
  }
  const kept: string[] = [];
  for (const [name, value] of pairs(rawHeaders)) {
    const lower = name.toLowerCase();
    // these say how long the body is and who is meant, whatever Connection says of them
    const essential = lower === 'content-length' || lower === 'host' || lower === 'authorization';
    if (HOP_BY_HOP.has(lower) || besides(lower) || (named.has(lower) && !essential)) continue;
    kept.push(name, value);
  }
  return kept;
};

/** Expect is answered by the front; the rest would have Miniflare take the request for one of another scheme or caller. */
const NOT_FOR_THE_EDGE = new Set(['expect', 'x-forwarded-proto']);

/** `added` take the place of any that the caller sent under the same names. */
export const headersForEdge = (rawHeaders: readonly string[], added: Readonly<Record<string, string>>): string[] => [
  ...endToEnd(rawHeaders, (name) => NOT_FOR_THE_EDGE.has(name) || Object.hasOwn(added, name)),
  ...Object.entries(added).flat(),
];

const isEventStream = (rawHeaders: readonly string[]): boolean =>
  Array.from(pairs(rawHeaders)).some(
    ([name, value]) => name.toLowerCase() === 'content-type' && /^text\/event-stream\b/i.test(value),
  );

/**
 * An event stream's connection is for it alone. Chromium reads on for up to 5 s after a page has left an answer, for as long
 * as it may use the connection again, and until it closes nobody knows that the page has gone. (Not so the lines of an
 * upload: closing while a caller still sends would take the answer from it.)
 */
export const headersForCaller = (rawHeaders: readonly string[]): string[] => [
  ...endToEnd(rawHeaders, isSteering),
  ...(isEventStream(rawHeaders) ? ['connection', 'close'] : []),
];
