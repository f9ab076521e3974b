// GET /, /playground/…, /openapi.json and /docs/…: what site/build.ts wrote comes with the Worker as static files, without a
// key, under policies that let nothing in from elsewhere. The manual (/docs/) is there once `npm run docs` has made it; until
// then a page in its place says so.
import type { Context } from 'hono';
import { FaultError } from '../../wire/faults.ts';
import type { Env } from '../env.ts';

const OWN = ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'"];
const NOBODY = "frame-ancestors 'none'";

/** The viewer writes style attributes and sheets; scripts come from files only. */
const VIEWER = [...OWN, "style-src 'self' 'unsafe-inline'", "img-src 'self' data:", NOBODY].join('; ');
/** Coloured code has style attributes; sheets and scripts come from files only. */
const MANUAL = [
  ...OWN,
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  NOBODY,
].join('; ');
/** Ours writes none, and text never becomes markup: where a browser knows trusted types, it cannot. */
const PLAYGROUND = [
  ...OWN,
  "style-src 'self'",
  "img-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
  NOBODY,
].join('; ');

const API = '/docs/api/';

const policyOf = (path: string): string => {
  if (path === '/' || path.startsWith('/playground/')) return PLAYGROUND;
  return path.startsWith('/docs/') && !path.startsWith(API) ? MANUAL : VIEWER;
};

export const siteRoute = async (c: Context<{ Bindings: Env }>): Promise<Response> => {
  const { ASSETS } = c.env;
  const { path } = c.req;
  const file = async (request: Request): Promise<Response | undefined> => {
    const found = await ASSETS?.fetch(request);
    return found?.status === 404 ? undefined : found;
  };
  const found = await file(c.req.raw);
  const shown = found ?? (await missing(c, file));
  if (shown === undefined) throw new FaultError({ kind: 'not_found', path });
  const response = new Response(shown.body, found === undefined ? { status: 404, headers: shown.headers } : shown);
  response.headers.set('content-security-policy', policyOf(path));
  return response;
};

/** The manual's own page for an address that it does not have, for whoever reads pages. */
const missing = async (
  c: Context<{ Bindings: Env }>,
  file: (request: Request) => Promise<Response | undefined>,
): Promise<Response | undefined> => {
  const reads = c.req.header('accept')?.includes('text/html') === true;
  if (!reads || policyOf(c.req.path) !== MANUAL) return undefined;
  // without the caller's conditions: what it may have is another page
  return file(new Request(new URL('/docs/404', c.req.url), { method: c.req.method }));
};
