// POST /v1/score: bits per byte of a text before and after tuning on the picks.
import type { Context } from 'hono';
import { parseAs } from '../../wire/body.ts';
import { asFault, unwrap } from '../../wire/faults.ts';
import { scoreRequest } from '../../wire/tune.ts';
import type { Signed } from '../auth.ts';
import { scoreCost, scoreOutline } from '../cost.ts';
import { countAdapter, NO_BACKEND } from '../metrics.ts';
import { score } from '../tune.ts';
import { inTurn, placeOf, takeTurn, type Work, workUntil } from './work.ts';

export const scoreRoute = (work: Work) => async (c: Context<Signed>) => {
  let backend = NO_BACKEND;
  try {
    const place = unwrap(placeOf(work, unwrap(parseAs(c.var.body, scoreRequest)), scoreOutline));
    const { request } = place;
    backend = place.name;
    const entered = work.now();
    const cost = scoreCost(request, place.model.contextTokens, place.learnt);
    const turn = unwrap(takeTurn(work, place, c.req.raw, { tenant: request.tenant, cost }));
    const response = await inTurn(turn, () =>
      score(place, request, work.now() - entered, turn.signal, work.now, workUntil(work, place, entered)),
    );
    const { guard, adapter } = response.tuning;
    countAdapter(work.metrics, backend, adapter);
    if (adapter?.reused !== true) {
      work.metrics.steps.inc({ backend }, response.steps.length + (guard?.undone_steps ?? 0));
      if (guard !== null) work.metrics.guard.inc({ backend, outcome: guard.outcome });
    }
    for (const stage of ['queue', 'open', 'tune', 'score'] as const) {
      work.metrics.seconds.observe({ stage, backend }, response.ms[stage] / 1000);
    }
    work.metrics.requests.inc({ route: 'score', outcome: 'ok', backend });
    return c.json(response);
  } catch (error) {
    work.metrics.requests.inc({ route: 'score', outcome: asFault(error).kind, backend });
    throw error;
  }
};
