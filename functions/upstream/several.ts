// Several gateways (GATEWAYS): which of them a request goes to, what each of them has, and each by itself. A request for a model
// goes to the nearest that has it, and to the same one of those as near as each other while its selection is the same.
// Trade-off: where its model is must be known before it is sent, so the first request of an isolate needs one list; where it
// selects, that is fetched beside the selection.
import { parseAs } from '../../wire/body.ts';
import { GATEWAY_LOOK_MS } from '../../wire/limits.ts';
import { modelsResponse } from '../../wire/tune/models.ts';
import type { ScoreRequest, TuneRequest } from '../../wire/tune/requests.ts';
import { digestOf } from '../digest.ts';
import { upstreamFault } from '../http/errors.ts';
import { Patience } from './deadline.ts';
import { callOf, exchange, type Request } from './exchange.ts';
import { type Asked, firstThatTakes } from './failover.ts';
import { type Fleet, fleetOf, type GatewayModel, type Member } from './fleet.ts';
import { type ClientOptions, DEFAULTS, type Gateway, placeOf, secretOf } from './gateway.ts';

/** What gateways work on, as far as it decides which of them does. */
export type Work = TuneRequest | ScoreRequest;

export const LIST = { method: 'GET', path: '/v1/models', answer: 'json' } as const;

/** One member's list of models, and with it whether the member is there. */
const look = async (
  gateway: Gateway,
  member: Member,
  caller: AbortSignal,
  options: ClientOptions,
): Promise<boolean> => {
  const ms = Math.min(GATEWAY_LOOK_MS, options.clocks.firstByteMs);
  const patience = new Patience(caller, ms);
  try {
    const place = placeOf(gateway, member.spec.url);
    const call = callOf(place, { ...LIST, firstByteMs: ms }, patience, ms);
    const outcome = await exchange(call, options.budget);
    const parsed = outcome.ok ? parseAs(outcome.bytes, modelsResponse) : undefined;
    // a caller who left says nothing of the gateway
    if (!caller.aborted) member.looked(parsed?.ok ? parsed.value.models : undefined);
    return parsed?.ok ?? false;
  } finally {
    patience.abandon();
  }
};

const lookBeside = (gateway: Gateway, fleet: Fleet, options: ClientOptions): void => {
  for (const member of fleet.members) {
    // the first list is asked for when a request needs it
    if ((member.standing === 'well' && member.models === undefined) || !member.takeLook()) continue;
    const work = look(gateway, member, new AbortController().signal, options).catch(() => {});
    gateway.later?.(work);
  }
};

/** Lists that are on their way for a request, by its own object: a request must not wait for the I/O of another. */
const ahead = new WeakMap<Gateway, Map<Member, Promise<boolean>>>();

/** Asks the nearest gateways for lists that are not known, while the request does other things. What is wrong, its work will say. */
export const lookAhead = (gateway: Gateway, caller: AbortSignal, options: ClientOptions = DEFAULTS): void => {
  let members: readonly Member[];
  try {
    members = fleetIn(gateway)?.inOrder(gateway.home, '') ?? [];
  } catch {
    return;
  }
  const isNear = ({ spec }: Member): boolean => gateway.home === undefined || spec.region === members[0]?.spec.region;
  const unknown = members.filter((one) => one.standing === 'well' && one.models === undefined && isNear(one));
  const looks = unknown.map((one) => [one, look(gateway, one, caller, options).catch(() => false)] as const);
  for (const [, work] of looks) gateway.later?.(work);
  ahead.set(gateway, new Map(looks));
};

const lookOnce = (gateway: Gateway, member: Member, caller: AbortSignal, options: ClientOptions): Promise<boolean> => {
  const looks = ahead.get(gateway);
  const begun = looks?.get(member);
  looks?.delete(member);
  return begun ?? look(gateway, member, caller, options);
};

/** By what requests are kept together: what is selected for them, else that they repeat each other, else nothing. */
const keyOf = ({ tenant, model, picks }: Work, { session }: Gateway): Promise<string> | string => {
  if (picks.length > 0) return digestOf(JSON.stringify([tenant, model, picks.map(({ text }) => text)]));
  return session === undefined ? crypto.randomUUID() : `${tenant}\n${session}`;
};

export const among = async (
  fleet: Fleet,
  gateway: Gateway,
  request: Request & { readonly body: Work },
  patience: Patience,
  options: ClientOptions,
): Promise<Asked> => {
  const { clocks, budget } = options;
  // without a secret none of them is looked at either
  secretOf(gateway);
  budget.request(Date.now());
  const order = fleet.inOrder(gateway.home, await keyOf(request.body, gateway));
  lookBeside(gateway, fleet, options);
  return firstThatTakes(fleet, order, request.body.model, {
    look: (one) => lookOnce(gateway, one, patience.signal, options),
    mayGoOn: () => budget.take(),
    ask: async (one, others) => {
      if (patience.signal.aborted) throw patience.signal.reason;
      const place = placeOf(gateway, one.spec.url);
      gateway.asked?.(one.spec.name);
      const told = await exchange(callOf(place, request, patience, clocks.idleMs), budget, { others });
      const health = told.ok ? 'well' : told.health;
      if (health !== undefined) one.told(health);
      return told;
    },
  });
};

export const fleetIn = ({ GATEWAYS }: Gateway): Fleet | undefined => {
  if (GATEWAYS === undefined || GATEWAYS === '') return undefined;
  const fleet = fleetOf(GATEWAYS);
  if (fleet.ok) return fleet.value;
  throw upstreamFault(fleet.fault, false);
};

/** Each gateway by itself; its name where there are several. */
export const eachGateway = (gateway: Gateway): readonly { readonly name?: string; readonly gateway: Gateway }[] => {
  const fleet = fleetIn(gateway);
  if (fleet === undefined) return [{ gateway }];
  const { GATEWAYS: _, ...common } = gateway;
  return fleet.members.map(({ spec: { name, url } }) => ({ name, gateway: { ...common, GATEWAY_URL: url } }));
};

/** A model, and the gateways that have it where there are several. */
export type ServedModel = GatewayModel & { readonly gateways?: readonly string[] };

/** What each of the fleet has, as it said within GATEWAY_MODELS_MS; of one that is away, as it said last. */
export const unionOf = async (
  fleet: Fleet,
  gateway: Gateway,
  caller: AbortSignal,
  options: ClientOptions,
): Promise<ServedModel[]> => {
  const order = fleet.inOrder(gateway.home, '');
  // at one that is away once in a while, so that no list waits for it each time
  const due = order.filter((one) =>
    one.standing === 'away' ? one.takeLook() : one.models === undefined || one.isStale,
  );
  await Promise.all(due.map((one) => look(gateway, one, caller, options)));
  if (order.every(({ models }) => models === undefined)) {
    const message = `none of the ${order.length} gateways told its models`;
    throw upstreamFault({ kind: 'gateway_unreachable', message }, false);
  }
  const ids = [...new Set(order.flatMap(({ models = [] }) => models.map(({ id }) => id)))];
  return ids.flatMap((id) => {
    const having = order.filter((one) => one.has(id));
    // where they differ, as the nearest says
    const model = having[0]?.models?.find((one) => one.id === id);
    return model === undefined ? [] : [{ ...model, gateways: having.map(({ spec }) => spec.name) }];
  });
};
