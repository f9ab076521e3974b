// The edge as this machine runs it: functions/index.ts behind a check that the request came through the front (front.ts).
// Miniflare listens on a port of its own, where another process could ask it directly; without the secret that this
// process made at its start, nothing is answered there.

import type { Env } from '../../functions/env.ts';
import edge from '../../functions/index.ts';
import { FRONT_HEADER } from '../doors.ts';

export { Catalogue, CorpusList } from '../../functions/index.ts';

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
    return edge.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<LocalEnv>;
