// POST /v1/score: bits per byte of a text before and after tuning on the picks.
import type { Context } from 'hono';
import { parseAs } from '../../wire/body.ts';
import { asFault, unwrap } from '../../wire/faults.ts';
import { scoreRequest } from '../../wire/tune/requests.ts';
import type { Signed } from '../auth.ts';
import { scoreCost, scoreOutline } from '../cost.ts';
import { countAdapter, countRequest, countUse, NO_BACKEND } from '../metrics.ts';
import { score } from '../tune.ts';
import { inTurn, placeOf, takeTurn, type Work, workUntil } from './work.ts';

export const scoreRoute = (work: Work) => async (c: Context<Signed>) => {
  let backend = NO_BACKEND;
  try {
    const place = unwrap(placeOf(work, unwrap(parseAs(c.var.body, scoreRequest)), scoreOutline));
    const { request } = place;
    const { record } = c.var;
    Object.assign(record, { tenant: request.tenant, model: request.model });
    backend = place.name;
    const entered = work.now();
    const cost = scoreCost(request, place.model.contextTokens, place.learnt);
    const turn = unwrap(takeTurn(work, place, c.req.raw, { tenant: request.tenant, cost }));
    const response = await inTurn(turn, () =>
      score(
        { ...place, trail: record.trail },
        request,
        work.now() - entered,
        turn.signal,
        work.now,
        workUntil(work, place, entered),
      ),
    );
    const { guard, adapter } = response.tuning;
    countAdapter(work.metrics, backend, adapter);
    const made = adapter?.reused === true ? 0 : response.steps.length + (guard?.undone_steps ?? 0);
    if (adapter?.reused !== true) {
      work.metrics.steps.inc({ backend }, made);
      if (guard !== null) work.metrics.guard.inc({ backend, outcome: guard.outcome });
    }
    record.took(response.ms);
    record.steps = made;
    const tokens = adapter?.reused === true ? 0 : response.steps.reduce((sum, step) => sum + step.tokens, 0);
    record.tokens = tokens;
    countUse(work.metrics, backend, request.tenant, { ms: response.ms, steps: made, tokens });
    countRequest(work.metrics, { route: 'score', outcome: 'ok', backend, tenant: request.tenant });
    work.metrics.overhead.observe({ route: 'score' }, record.overheadMs / 1000);
    c.header('server-timing', record.serverTiming);
    return c.json(response);
  } catch (error) {
    const { tenant } = c.var.record;
    countRequest(work.metrics, { route: 'score', outcome: asFault(error).kind, backend, tenant });
    throw error;
  }
};
