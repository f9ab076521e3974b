// GET /, /playground/…, /openapi.json and /docs/…: what site/build.ts wrote comes with the Worker as static files, without a
// key, under policies that let nothing in from elsewhere.
import type { Context } from 'hono';
import { FaultError } from '../../wire/faults.ts';
import type { Env } from '../env.ts';

const OWN = ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'"];
const NOBODY = "frame-ancestors 'none'";

/** The viewer writes style attributes; scripts come from files only. */
const VIEWER = [...OWN, "style-src 'self' 'unsafe-inline'", "img-src 'self' data:", NOBODY].join('; ');
/** Ours writes none, and text never becomes markup: where a browser knows trusted types, it cannot. */
const PLAYGROUND = [
  ...OWN,
  "style-src 'self'",
  "img-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
  NOBODY,
].join('; ');

const policyOf = (path: string): string => (path === '/' || path.startsWith('/playground/') ? PLAYGROUND : VIEWER);

export const siteRoute = async (c: Context<{ Bindings: Env }>): Promise<Response> => {
  const { ASSETS } = c.env;
  const found = ASSETS === undefined ? undefined : await ASSETS.fetch(c.req.raw);
  if (found === undefined || found.status === 404) throw new FaultError({ kind: 'not_found', path: c.req.path });
  const response = new Response(found.body, found);
  response.headers.set('content-security-policy', policyOf(c.req.path));
  return response;
};
