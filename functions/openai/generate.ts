// What completions and chat both do once their request is parsed: select for every prompt, ask the gateway, and answer in
// the route's shape, streamed or whole.
// Once tuning may have begun an answer carries x-should-retry: false, since trying again would pay for all of it again.
import type { Context } from 'hono';
import type { ChatRequest } from '../../wire/api/chat.ts';
import type { CompletionRequest } from '../../wire/api/completions.ts';
import { layout } from '../../wire/context.ts';
import { STREAM_STATUS_MS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { type Message, type TuneRequest, tunedOn, tuning } from '../../wire/tune/requests.ts';
import type { Authenticated } from '../auth/principal.ts';
import { failedBeforeTuning, RETRY_HEADER } from '../http/retry.ts';
import { sseBody } from '../http/sse.ts';
import { chosenOnWire } from '../select/answer.ts';
import type { Selection } from '../select/selection.ts';
import { gatewayOf } from '../upstream/of.ts';
import { lookAhead } from '../upstream/several.ts';
import type { Account } from './account.ts';
import type { Terms } from './caller-terms.ts';
import { withFirst } from './head.ts';
import { examplesOf, parseModel, selectExamples } from './prepare.ts';
import { selected } from './progress.ts';
import { run } from './run.ts';
import type { Envelope, Shape } from './shape.ts';
import { answerStream } from './stream.ts';
import { answerWhole } from './whole.ts';

/** Asks for progress as data, like `stream_options.include_sift`. */
const EVENTS_HEADER = 'x-sift-events';

/** What is continued or answered, and the text that examples are selected for where the request names none. */
export interface Subject {
  readonly of: { readonly prompt: string } | { readonly messages: Message[] };
  readonly text: string;
  /** The field that the text came in. */
  readonly param: string;
  /** What is said of that field where the text is blank. */
  readonly blank?: string;
}

/** Of a request that tunes nothing. */
const NO_SIFT = { tuning: tuning.parse({}), layout: layout.parse({}) };

/** What the two routes differ in. */
export interface Route {
  /** Of an answer's id. */
  readonly prefix: string;
  readonly shapeOf: (envelope: Envelope) => Shape;
  readonly terms: Terms;
}

type Request = Omit<CompletionRequest, 'prompts'> | Omit<ChatRequest, 'messages'>;
export type GenerateContext = Context<Authenticated>;

const tuneRequestOf = (
  tenant: string,
  request: Request,
  seed: number,
  { of }: Subject,
  selection: Selection | undefined,
): TuneRequest => {
  const { max_tokens, n, temperature, top_p, top_k, presence_penalty, frequency_penalty } = request;
  const { logprobs, stop, truncate, sift } = request;
  return {
    tenant,
    model: parseModel(request.model).base,
    ...of,
    picks: selection === undefined ? [] : examplesOf(selection),
    tuning: sift?.tuning ?? NO_SIFT.tuning,
    use: sift?.use ?? 'tune',
    layout: sift?.layout ?? NO_SIFT.layout,
    ...(selection?.space === undefined ? {} : { origin: selection.space }),
    sampling: {
      ...{ max_tokens, n, temperature, top_p, top_k, presence_penalty, frequency_penalty },
      ...{ logprobs, stop, seed, truncate },
    },
    // streamed in any case: steps and tokens then reset the idle timeouts of the connection
    stream: true,
  };
};

/** Of several prompts a list, in their order. */
const siftOf = (request: Request, selections: readonly Selection[], accounts: readonly Account[]) => {
  if (request.sift === undefined) return {};
  const { use } = request.sift;
  const all = selections.map((selection, i) => {
    const { context, tuning } = at(accounts, i);
    return chosenOnWire(selection, use, context, tuning);
  });
  return { sift: all.length === 1 ? all[0] : all };
};

export const generate = async (
  c: GenerateContext,
  request: Request,
  subjects: readonly Subject[],
  { prefix, shapeOf, terms }: Route,
): Promise<Response> => {
  const { principal, record } = c.var;
  const { stages } = record;
  const { sift, n } = request;
  const selections: Selection[] = [];
  // all before the first step: what one of them is refused for costs no work then
  const gateway = gatewayOf(c);
  if (sift !== undefined) {
    lookAhead(gateway, c.req.raw.signal);
    record.selectsFrom([sift.corpus ?? c.env.DEFAULT_CORPUS ?? '']);
    for (const subject of subjects) selections.push(await selectExamples(c.env, principal, subject, sift, stages));
  }
  const seed = request.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const requests = subjects.map((subject, i) => tuneRequestOf(principal.tenant, request, seed, subject, selections[i]));
  if (requests.some((one) => tunedOn(one).length > 0)) c.header(RETRY_HEADER, 'false');
  record.watch();
  const gone = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
  const shape = shapeOf({
    id: `${prefix}-${crypto.randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  });
  const asked = { prompts: subjects.length, n };
  try {
    const told = await run(gateway, requests, terms, { spending: c.var.spending, record }, signal);
    record.model = parseModel(request.model).base;
    if (!request.stream) {
      const { answer, accounts } = await answerWhole(shape, told, asked);
      for (const [name, value] of Object.entries(record.timingHeaders)) c.header(name, value);
      return c.json({ ...answer, ...siftOf(request, selections, accounts) });
    }
    const events = await withFirst(told, STREAM_STATUS_MS);
    const pieces = answerStream(shape, events, {
      ...asked,
      includeUsage: request.includeUsage,
      includeSift: request.includeSift || c.req.header(EVENTS_HEADER) === '1',
      prefaces: selections.map(selected),
      onFailure: (error) => record.failed(error),
    });
    return c.body(sseBody(pieces, gone), 200, {
      ...record.timingHeaders,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
  } catch (error) {
    if (failedBeforeTuning(error)) c.header(RETRY_HEADER, undefined);
    throw error;
  }
};
