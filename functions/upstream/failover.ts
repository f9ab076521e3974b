// A request that several gateways could serve: each that has its model is asked once at most, in the fleet's order, until one
// takes it. The next one is asked only where it is certain that the one before did nothing and never will; where that is not
// known, the request fails as it would with one gateway. Each further gateway costs a retry of the budget.
import { FaultError } from '../../wire/faults.ts';
import { UpstreamError, upstreamFault } from '../http/errors.ts';
import type { Outcome } from './attempt.ts';
import type { Fleet, Member } from './fleet.ts';

export interface Asked {
  readonly member: Member;
  readonly outcome: Outcome;
}

export interface Failover {
  /** Asks this one; `others`: there are further gateways that may be asked in its place. */
  ask(member: Member, others: boolean): Promise<Outcome>;
  /** Asks for its models, which tells whether it is there; false: they are not known. */
  look(member: Member): Promise<boolean>;
  /** Takes one retry of the budget, if there is one. */
  mayGoOn(): boolean;
}

/** Those that have the model, as far as that can be found out; the last in the order may be away. */
async function* serving(
  members: readonly Member[],
  model: string,
  look: Failover['look'],
): AsyncGenerator<Member, void, void> {
  let lookedAway = false;
  for (const member of members) {
    const isAway = member.standing === 'away';
    // where nobody else has taken it, one look at one of those that are away, not one at each
    if (isAway && lookedAway) continue;
    lookedAway ||= isAway;
    if ((isAway || member.models === undefined) && !(await look(member))) continue;
    if (member.has(model)) yield member;
  }
  // perhaps it is there by now
  const lacking = members.filter((one) => one.standing !== 'away' && !one.has(model) && one.mayHaveMore);
  await Promise.all(lacking.map(look));
  yield* lacking.filter((member) => member.has(model));
}

const names = (members: readonly Member[]): string => members.map(({ spec }) => spec.name).join(', ');

/** Why nobody was asked: no gateway has the model, or those that may have it are away. */
const nobody = (fleet: Fleet, model: string): UpstreamError => {
  const away = fleet.members.filter((one) => one.standing === 'away' && (one.models === undefined || one.has(model)));
  if (away.length > 0) {
    const message = `no gateway that has '${model}' can be used now; away: ${names(away)}`;
    return upstreamFault({ kind: 'gateway_unreachable', message }, false);
  }
  const known = [...new Set(fleet.members.flatMap(({ models = [] }) => models.map(({ id }) => id)))];
  return upstreamFault({ kind: 'unknown_model', model, known }, false);
};

/** That of the gateway that would take it later says more than that of one that cannot be used. */
const worthTelling = (errors: readonly UpstreamError[]): UpstreamError | undefined =>
  errors.find(({ wire }) => wire.status === 503) ?? errors.find(({ wire }) => wire.status !== 404);

export const firstThatTakes = async (
  fleet: Fleet,
  members: readonly Member[],
  model: string,
  { ask, look, mayGoOn }: Failover,
): Promise<Asked> => {
  const errors: UpstreamError[] = [];
  const asked = new Set<Member>();
  for await (const member of serving(members, model, look)) {
    if (asked.has(member)) continue;
    // whoever is not to be asked for lack of a retry is no other
    if (errors.length > 0 && !mayGoOn()) break;
    asked.add(member);
    const others = members.some((one) => !asked.has(one) && one.standing !== 'away');
    const outcome = await ask(member, others);
    if (outcome.ok || !outcome.untouched) return { member, outcome };
    if (outcome.error.wire.status === 404) member.doubtModels();
    errors.push(outcome.error);
  }
  throw worthTelling(errors) ?? nobody(fleet, model);
};

/** Whether an error that ended a stream speaks against its gateway. */
export const speaksAgainst = (error: unknown): boolean => {
  if (!(error instanceof UpstreamError)) return false;
  const kind = error.cause instanceof FaultError ? error.cause.fault.kind : error.wire.body.error.code;
  return kind === 'gateway_unreachable' || kind === 'gateway_timeout';
};
