// POST /v1/score: bits per byte of a text before and after tuning on the picks.
import type { Context } from 'hono';
import { parseAs } from '../../wire/body.ts';
import { asFault, FaultError, unwrap } from '../../wire/faults.ts';
import { scoreRequest } from '../../wire/tune.ts';
import type { Signed } from '../auth.ts';
import { score, unknownModel } from '../tune.ts';
import { inTurn, takeTurn, type Work } from './work.ts';

export const scoreRoute = (work: Work) => async (c: Context<Signed>) => {
  try {
    const request = unwrap(parseAs(c.var.body, scoreRequest));
    const unknown = unknownModel(work.backend, request.model);
    if (unknown !== undefined) throw new FaultError(unknown);
    const entered = work.now();
    const turn = unwrap(takeTurn(work, c.req.raw));
    const response = await inTurn(turn, () =>
      score(work.backend, request, work.now() - entered, turn.signal, work.now),
    );
    work.metrics.steps.inc(response.steps.length);
    for (const stage of ['queue', 'open', 'tune', 'score'] as const) {
      work.metrics.seconds.observe({ stage }, response.ms[stage] / 1000);
    }
    work.metrics.requests.inc({ route: 'score', outcome: 'ok' });
    return c.json(response);
  } catch (error) {
    work.metrics.requests.inc({ route: 'score', outcome: asFault(error).kind });
    throw error;
  }
};
