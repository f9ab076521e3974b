// GET /openapi.json and /docs/…: what site/build.ts wrote comes with the Worker as static files, without a key, under a
// policy that lets nothing in from elsewhere.
import type { Context } from 'hono';
import { FaultError } from '../../wire/faults.ts';
import type { Env } from '../env.ts';

/** The viewer writes style attributes; scripts come from files only. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const siteRoute = async (c: Context<{ Bindings: Env }>): Promise<Response> => {
  const { ASSETS } = c.env;
  const found = ASSETS === undefined ? undefined : await ASSETS.fetch(c.req.raw);
  if (found === undefined || found.status === 404) throw new FaultError({ kind: 'not_found', path: c.req.path });
  const response = new Response(found.body, found);
  response.headers.set('content-security-policy', POLICY);
  return response;
};
