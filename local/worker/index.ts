// The edge as this machine runs it: functions/index.ts behind a check that the request came through the front (front.ts).
// Miniflare listens on a port of its own, where another process could ask it directly; without the secret that this
// process made at its start, nothing is answered there.
// GET /health says here whether the stores on this machine work; in production it stays as cheap as it is.

import type { Env } from '../../functions/env.ts';
import edge from '../../functions/index.ts';
import { beforeUploads } from '../../functions/pause.ts';
import { FRONT_HEADER } from '../doors.ts';
import { drained } from './drain.ts';
import { storageProblem } from './health.ts';

export { Catalogue, CorpusList, Idempotency, KeyRing, Meter } from '../../functions/index.ts';

interface LocalEnv extends Env {
  readonly FRONT_SECRET: string;
}

export default {
  async fetch(request, env, ctx) {
    if (request.headers.get(FRONT_HEADER) !== env.FRONT_SECRET) {
      return new Response('this port belongs to the edge itself; ask the port that npm start prints\n', {
        status: 403,
      });
    }
    const { request: through, rest } = drained(request, ctx);
    const response = await edge.fetch(through, env, ctx);
    if (response.status >= 400) await rest();
    if (!response.ok || request.method !== 'GET' || new URL(request.url).pathname !== '/health') return response;
    const problem = await beforeUploads(() => storageProblem(env, ctx));
    if (problem === undefined) return response;
    const message = `${problem}. Restart npm start: it checks what it keeps and says what to do`;
    const error = { message, type: 'server_error', code: 'storage', param: null };
    return Response.json({ status: 'unavailable', error }, { status: 503, headers: { 'retry-after': '10' } });
  },
} satisfies ExportedHandler<LocalEnv>;
