// The events of a tuning request as they come: each is relayed only if the gateway signed it for this place of this stream,
// fits its schema, and comes in order. Heartbeat comments show that the gateway is alive; they do not hold off the call's
// deadline, and nothing but comments for too many bytes is an end too.
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { problem } from '../../wire/body.ts';
import { FaultError } from '../../wire/faults.ts';
import { MAX_GATEWAY_EVENT_BYTES, MAX_GATEWAY_STREAM_BYTES } from '../../wire/limits.ts';
import { type TuneEvent, tuneEvent } from '../../wire/tune/responses.ts';
import { inWords } from '../../wire/words.ts';
import { UpstreamError, upstreamFault, wireError } from '../http/errors.ts';
import type { Patience } from './deadline.ts';
import { pieces } from './read.ts';

/** Whether this id is the gateway's signature of this data at this place. */
export type VerifyEvent = (id: string | undefined, index: number, data: string) => Promise<boolean>;

const ORDER: readonly TuneEvent['event'][] = [
  ...(['queued', 'step', 'adapter', 'truncated', 'context', 'token', 'usage', 'done'] as const),
];
const ONCE: ReadonlySet<TuneEvent['event']> = new Set(['adapter', 'truncated', 'context', 'usage']);
/** Events that stand where others do. */
const placeOf = ({ event }: TuneEvent): number =>
  ORDER.indexOf(event === 'restart' ? 'step' : event === 'finish' ? 'token' : event);

const unreachable = (message: string): FaultError => new FaultError({ kind: 'gateway_unreachable', message });
const notUnderstood = (why: string): FaultError =>
  new FaultError({ kind: 'backend', message: `an event of the gateway is not understood: ${why}` });

const understood = (data: string): TuneEvent => {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw notUnderstood('it is not JSON');
  }
  const parsed = tuneEvent.safeParse(value, { error: inWords });
  if (parsed.success) return parsed.data;
  const found = problem(parsed, 'event');
  throw notUnderstood(found === undefined ? 'it does not fit' : `${found.param}: ${found.message}`);
};

/** Complains about an event that cannot follow those before it: queued* then (step* restart)* step* or an adapter, then
 * truncated? context? (token | finish)* usage done; error anywhere. The steps after a restart are counted from the first again. */
const inOrder = () => {
  let reached = 0;
  let steps = 0;
  return (event: TuneEvent): void => {
    if (event.event === 'error') return;
    const place = placeOf(event);
    if (place < reached || (ONCE.has(event.event) && place === reached))
      throw notUnderstood(`${event.event} after ${ORDER[reached]}`);
    if (event.event === 'done' && ORDER[reached] !== 'usage') throw notUnderstood('done without usage');
    if (event.event === 'step' && event.step.index !== steps++)
      throw notUnderstood(`step ${event.step.index} is not next`);
    if (event.event === 'adapter' && steps > 0) throw notUnderstood('an adapter after steps');
    if (event.event === 'restart') {
      if (steps === 0) throw notUnderstood('a restart before any step');
      steps = 0;
    }
    reached = place;
  };
};

/** The signed events of a body, in order, until `done` or `error`. */
async function* events(
  body: ReadableStream<Uint8Array>,
  verify: VerifyEvent,
  patience: Patience,
  idleMs: number,
): AsyncGenerator<TuneEvent, void, void> {
  const waiting: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => void waiting.push(message) });
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const check = inOrder();
  let [total, sinceEvent, index] = [0, 0, 0];
  for await (const bytes of pieces(body, patience, idleMs)) {
    total += bytes.byteLength;
    sinceEvent += bytes.byteLength;
    try {
      parser.feed(utf8.decode(bytes, { stream: true }));
    } catch {
      throw unreachable('its stream is not UTF-8');
    }
    if (waiting.length > 0) sinceEvent = 0;
    for (const { id, data } of waiting.splice(0)) {
      if (!(await verify(id, index, data))) throw unreachable('an event of its stream is not signed by our gateway');
      index += 1;
      const event = understood(data);
      check(event);
      yield event;
      if (event.event === 'done' || event.event === 'error') return;
    }
    if (sinceEvent > MAX_GATEWAY_EVENT_BYTES) {
      throw unreachable(`its stream sent more than ${MAX_GATEWAY_EVENT_BYTES} bytes without an event`);
    }
    if (total > MAX_GATEWAY_STREAM_BYTES) {
      throw unreachable(`its stream is larger than ${MAX_GATEWAY_STREAM_BYTES} bytes`);
    }
  }
  throw unreachable('its stream ended before its end');
}

/** The events until `done` or `error`; every other end is an UpstreamError. Leaving the loop early ends the gateway's work. */
export async function* relayed(
  body: ReadableStream<Uint8Array>,
  verify: VerifyEvent,
  patience: Patience,
  idleMs: number,
): AsyncGenerator<TuneEvent, void, void> {
  let finished = false;
  try {
    for await (const event of events(body, verify, patience, idleMs)) {
      finished = event.event === 'done' || event.event === 'error';
      yield event;
    }
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    if (error instanceof FaultError) throw new UpstreamError(wireError(error), true, error);
    throw upstreamFault({ kind: 'gateway_unreachable', message: 'its stream broke off' }, true, error);
  } finally {
    if (finished) patience.end();
    else patience.abandon();
  }
}
