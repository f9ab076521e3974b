// GET /ready: whether this deployment can serve, for load balancers and whoever deployed it; no key is asked for. An isolate
// looks once in READY_MEMORY_MS and tells everybody else what it saw, so that asking often costs nothing.
import type { Context } from 'hono';
import { READY_MEMORY_MS } from '../../wire/limits.ts';
import type { Authenticated } from '../auth/principal.ts';
import { isolateKernel } from '../kernel/module.workerd.ts';
import { gatewayOf } from '../upstream/of.ts';
import { type Checks, check, isReady } from './check.ts';

let seen: { readonly checks: Checks; readonly until: number } | undefined;
/** Until when a look that is under way keeps others from looking too. */
let looking = 0;

export const readyRoute = async (c: Context<Authenticated>) => {
  const now = Date.now();
  if (seen === undefined || (now >= seen.until && now >= looking)) {
    looking = now + READY_MEMORY_MS;
    const { VECTORIZE, TEXTS, CATALOGUE, CORPORA, API_KEY } = c.env;
    const given = {
      ...gatewayOf(c),
      VECTORIZE,
      TEXTS,
      CATALOGUE,
      CORPORA,
      ...(API_KEY === undefined ? {} : { API_KEY }),
    };
    // of no caller's: an isolate's answer is not to depend on who asked first
    const checks = await check(given, (problem) => isolateKernel().select(problem), new AbortController().signal);
    seen = { checks, until: Date.now() + READY_MEMORY_MS };
  }
  const { checks } = seen;
  const ready = isReady(checks);
  if (!ready) c.header('retry-after', String(READY_MEMORY_MS / 1000));
  c.header('cache-control', 'no-store');
  return c.json({ status: ready ? 'ready' : 'not ready', checks }, ready ? 200 : 503);
};
