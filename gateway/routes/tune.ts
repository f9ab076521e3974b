// POST /v1/tune: gradient steps on the picks, then the generation, as JSON or as server-sent events.
// Whatever can be refused is refused with a status before a stream begins; after that an `error` event ends it.
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { parseAs } from '../../wire/body.ts';
import { asFault, FaultError, toWire, unwrap } from '../../wire/faults.ts';
import { tuneRequest } from '../../wire/tune/requests.ts';
import type { TuneEvent, TuneResponse } from '../../wire/tune/responses.ts';
import type { StepReport } from '../../wire/tune/steps.ts';
import type { Signed } from '../auth.ts';
import { tuneCost, tuneOutline } from '../cost.ts';
import { countAdapter, countRequest, countUse, NO_BACKEND } from '../metrics.ts';
import type { GatewayRecord } from '../record.ts';
import { tune } from '../tune.ts';
import { outbox } from './outbox.ts';
import { inTurn, placeOf, type Turn, takeTurn, type Work, workUntil } from './work.ts';

/** The same events, counted as they pass. */
async function* observed(
  { metrics }: Work,
  backend: string,
  record: GatewayRecord,
  tenant: string,
  events: AsyncIterable<TuneEvent>,
): AsyncGenerator<TuneEvent, void, void> {
  for await (const event of events) {
    if (event.event === 'step') {
      metrics.steps.inc({ backend });
      record.steps += 1;
      record.tokens += event.step.tokens;
    }
    if (event.event === 'usage') {
      const { ms, steps, prompt_tokens, completion_tokens, tuning_tokens } = event.usage;
      const { guard, adapter } = event.usage.tuning;
      const tokens = prompt_tokens + completion_tokens + tuning_tokens;
      Object.assign(record, { steps, tokens });
      record.took(ms);
      countUse(metrics, backend, tenant, { ms, steps, tokens });
      metrics.overhead.observe({ route: 'tune' }, record.overheadMs / 1000);
      countAdapter(metrics, backend, adapter);
      // what the guard once did is counted once
      if (guard !== null && adapter?.reused !== true) metrics.guard.inc({ backend, outcome: guard.outcome });
      metrics.tokens.inc({ backend }, completion_tokens);
    }
    yield event;
  }
}

type Choice = TuneResponse['choices'][number];

/** The choices of an answer, put together from the events of their samples. */
const gatherChoices = () => {
  const byIndex = new Map<number, Choice>();
  return {
    take(event: Extract<TuneEvent, { event: 'token' | 'finish' }>): void {
      const { index } = event;
      const choice = byIndex.get(index) ?? { index, text: '', finish_reason: 'stop' };
      byIndex.set(index, choice);
      if (event.event === 'finish') choice.finish_reason = event.finish_reason;
      else {
        choice.text += event.text;
        if (event.logprobs !== undefined) choice.logprobs = [...(choice.logprobs ?? []), ...event.logprobs];
      }
    },
    all: (): Choice[] => [...byIndex.values()].sort((a, b) => a.index - b.index),
  };
};

/** The events gathered into one answer. */
const gather = async (model: string, events: AsyncIterable<TuneEvent>): Promise<TuneResponse> => {
  const steps: StepReport[] = [];
  const choices = gatherChoices();
  const told: Pick<TuneResponse, 'truncated' | 'context'> = {};
  let usage: TuneResponse['usage'] | undefined;
  for await (const event of events) {
    switch (event.event) {
      case 'step':
        steps.push(event.step);
        break;
      case 'restart':
        steps.length = 0;
        break;
      case 'adapter':
        steps.push(...event.adapter.steps);
        break;
      case 'truncated':
        told.truncated = { dropped_tokens: event.dropped_tokens, kept_tokens: event.kept_tokens };
        break;
      case 'context':
        told.context = { examples: event.examples, dropped: event.dropped, tokens: event.tokens };
        break;
      case 'token':
      case 'finish':
        choices.take(event);
        break;
      case 'usage':
        ({ usage } = event);
        break;
      case 'done':
        if (usage !== undefined) return { model, choices: choices.all(), steps, usage, ...told };
    }
  }
  throw new FaultError({ kind: 'backend', message: 'the work ended without a result' });
};

const rejectOnAbort = (signal: AbortSignal): Promise<never> => {
  const gone = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  gone.catch(() => {}); // it may well never be looked at
  return gone;
};

/** Resolves with the work. If it takes too long, `stalled` says how to go on. */
const orStalled = async (work: Promise<void>, afterMs: number, stalled: () => void, gone?: Promise<never>) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      stalled();
      resolve();
    }, afterMs);
  });
  try {
    await Promise.race(gone === undefined ? [work, late] : [work, late, gone]);
  } finally {
    clearTimeout(timer);
  }
};

const stream = (
  c: Context<Signed>,
  work: Work,
  backend: string,
  turn: Turn,
  events: () => AsyncIterable<TuneEvent>,
): Response => {
  const { record, signEvent } = c.var;
  const { tenant } = record;
  record.streams = true;
  return streamSSE(c, async (sse) => {
    const out = outbox((text) => {
      record.bytesOut += Buffer.byteLength(text);
      return sse.write(text);
    });
    let sent = 0;
    const send = (event: TuneEvent): Promise<void> => {
      const data = JSON.stringify(event);
      return out.add(`event: ${event.event}\ndata: ${data}\nid: ${signEvent(sent++, data)}\n\n`);
    };
    sse.onAbort(() => turn.abandon());
    const heartbeat = setInterval(() => void sse.write(': waiting\n\n').catch(() => {}), work.heartbeatMs);
    // a caller who stops reading must not hold the worker, neither past the deadline nor for long
    const gone = rejectOnAbort(turn.signal);
    try {
      if (turn.ticket.position > 0) void send({ event: 'queued', position: turn.ticket.position }).catch(() => {});
      turn.ticket.onMove((position) => void send({ event: 'queued', position }).catch(() => {}));
      await inTurn(turn, async () => {
        for await (const event of events()) await orStalled(send(event), work.stallMs, turn.abandon, gone);
        await orStalled(out.all(), work.stallMs, turn.abandon, gone);
      });
      countRequest(work.metrics, { route: 'tune', outcome: 'ok', backend, tenant });
    } catch (error) {
      const fault = asFault(error);
      countRequest(work.metrics, { route: 'tune', outcome: fault.kind, backend, tenant });
      record.failed(error);
      if (!sse.aborted) void send({ event: 'error', error: toWire(fault).body.error }).catch(() => {});
      const said = sse.aborted ? undefined : out.all();
      // a reader who has stalled may never take it: the server's own clock then ends the connection
      if (said !== undefined) await orStalled(said, work.stallMs, () => {});
    } finally {
      clearInterval(heartbeat);
      record.end(200, c.req.path);
    }
  });
};

export const tuneRoute = (work: Work) => async (c: Context<Signed>) => {
  let backend = NO_BACKEND;
  try {
    const place = unwrap(placeOf(work, unwrap(parseAs(c.var.body, tuneRequest)), tuneOutline));
    const { request } = place;
    const { record } = c.var;
    Object.assign(record, { tenant: request.tenant, model: request.model });
    backend = place.name;
    const entered = work.now();
    const cost = tuneCost(request, place.model.contextTokens, place.learnt);
    const turn = unwrap(takeTurn(work, place, c.req.raw, { tenant: request.tenant, cost }));
    const events = () => {
      const until = workUntil(work, place, entered);
      const queueMs = work.now() - entered;
      const served = { ...place, trail: record.trail };
      const made = tune(served, request, queueMs, turn.signal, work.now, until);
      return observed(work, place.name, record, request.tenant, made);
    };
    if (request.stream) return stream(c, work, place.name, turn, events);
    const response = await inTurn(turn, () => gather(request.model, events()));
    countRequest(work.metrics, { route: 'tune', outcome: 'ok', backend, tenant: request.tenant });
    c.header('server-timing', record.serverTiming);
    return c.json(response);
  } catch (error) {
    const { tenant } = c.var.record;
    countRequest(work.metrics, { route: 'tune', outcome: asFault(error).kind, backend, tenant });
    throw error;
  }
};
