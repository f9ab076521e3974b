// The work of a request: its prompts one after the other, each tuned for and continued by the gateway. The first is begun
// before the answer is, so that a refusal has its status; whatever one of them fails of fails the request.

import { type TuneRequest, tunedOn } from '../../wire/tune/requests.ts';
import type { TuneEvent } from '../../wire/tune/responses.ts';
import type { Spending } from '../auth/spending.ts';
import { upstreamFault } from '../http/errors.ts';
import { counted } from '../limits/spending.ts';
import type { RequestRecord } from '../observe/record.ts';
import { type Gateway, gatewayTune } from '../upstream/client.ts';
import { refusal } from '../upstream/refusal.ts';
import { inCallersTerms, type Terms } from './caller-terms.ts';

/** An event and the prompt that it is about. */
export interface Told {
  readonly prompt: number;
  readonly event: TuneEvent;
}

export const unfinished = () => upstreamFault({ kind: 'backend', message: 'the work ended without a result' }, true);

const notAsked = (index: number, n: number) =>
  upstreamFault({ kind: 'backend', message: `it told of sample ${index}, asked for were ${n}` }, true);

/** Events of so many samples until `done`; an error event, or an end without either, is thrown. */
export async function* untilDone(
  events: AsyncIterable<TuneEvent>,
  n: number,
  prompt = 0,
): AsyncGenerator<Told, void, void> {
  for await (const event of events) {
    if (event.event === 'error') throw refusal(event.error, { atWork: true });
    if ('index' in event && event.index >= n) throw notAsked(event.index, n);
    yield { prompt, event };
    if (event.event === 'done') return;
  }
  throw unfinished();
}

/** Who hears what the work takes. */
export interface Accounts {
  readonly spending: Spending;
  readonly record: Pick<RequestRecord, 'gatewayTook'>;
}

async function* timed(
  events: AsyncIterable<TuneEvent>,
  record: Accounts['record'],
): AsyncGenerator<TuneEvent, void, void> {
  for await (const event of events) {
    if (event.event === 'usage') record.gatewayTook(event.usage.ms);
    yield event;
  }
}

/** The events of all requests in turn, once the gateway has taken the first; what they take is charged as it ends. */
export const run = async (
  gateway: Gateway,
  requests: readonly TuneRequest[],
  terms: Terms,
  { spending, record }: Accounts,
  signal: AbortSignal,
): Promise<AsyncGenerator<Told, void, void>> => {
  const start = async (request: TuneRequest, prompt: number) => {
    // steps of earlier prompts would be paid for again
    const begun = requests.slice(0, prompt).some((one) => tunedOn(one).length > 0);
    const told = (error: unknown) => inCallersTerms(error, terms, { prompt, prompts: requests.length, begun });
    try {
      const events = timed(counted(await gatewayTune(gateway, request, signal), spending), record);
      return { events, n: request.sampling.n, told };
    } catch (error) {
      throw told(error);
    }
  };
  const [request, ...others] = requests;
  if (request === undefined) throw new RangeError('a request without a prompt');
  const first = await start(request, 0);
  return (async function* () {
    let current = first;
    for (const prompt of requests.keys()) {
      if (prompt > 0) current = await start(others[prompt - 1] as TuneRequest, prompt);
      const { events, n, told } = current;
      try {
        yield* untilDone(events, n, prompt);
      } catch (error) {
        throw told(error);
      }
    }
  })();
};
