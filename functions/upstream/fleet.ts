// What an isolate knows of several gateways: which can be used now, and which models each has. Nothing is asked for the sake of
// health alone: answers tell it as they come, and the list of models, which a request needs anyway to know where its model is,
// is the look that lets a gateway back. Such a list is asked for again beside a request, so that no caller waits for it twice.
// Trade-off: every isolate finds out for itself, so each may lose one look to a gateway that is away.
import type { z } from 'zod';
import { Breaker } from '../../wire/breaker.ts';
import { ok, type Result } from '../../wire/faults.ts';
import { type GatewaySpec, parseGateways } from '../../wire/gateways.ts';
import {
  GATEWAY_FAILURES,
  GATEWAY_LOOK_MS,
  GATEWAY_MODELS_AGAIN_MS,
  GATEWAY_MODELS_MS,
  MAX_FLEETS,
} from '../../wire/limits.ts';
import type { Region } from '../../wire/regions.ts';
import type { modelsResponse } from '../../wire/tune/models.ts';
import type { Health } from './attempt.ts';
import { inOrder } from './spread.ts';

export type GatewayModel = z.output<typeof modelsResponse>['models'][number];

/** `draining`: it shuts down, ends what it has and takes nothing new. `away`: it could not be used. */
export type Standing = 'well' | 'draining' | 'away';

export class Member {
  readonly spec: GatewaySpec;
  /** As it said last; undefined: it was not asked yet. */
  models: readonly GatewayModel[] | undefined;
  readonly #now: () => number;
  readonly #breaker: Breaker;
  #askedAt = Number.NEGATIVE_INFINITY;
  #drainingUntil = Number.NEGATIVE_INFINITY;
  #lookingUntil = Number.NEGATIVE_INFINITY;

  constructor(spec: GatewaySpec, now: () => number) {
    this.spec = spec;
    this.#now = now;
    this.#breaker = new Breaker(now, GATEWAY_FAILURES);
  }

  get standing(): Standing {
    if (this.#breaker.state !== 'closed') return 'away';
    return this.#now() < this.#drainingUntil ? 'draining' : 'well';
  }

  has(model: string): boolean {
    return this.models?.some(({ id }) => id === model) ?? false;
  }

  /** Whether its list of models is too old to go by without asking again. */
  get isStale(): boolean {
    return this.#now() - this.#askedAt >= GATEWAY_MODELS_MS;
  }

  /** Whether it may be asked anew about a model that its list lacks. */
  get mayHaveMore(): boolean {
    return this.#now() - this.#askedAt >= GATEWAY_MODELS_AGAIN_MS;
  }

  /**
   * Takes the one look at a time that is taken beside requests: at a gateway that is away and whose rest is over, or for a
   * list that is stale. A look that was cut off with its request counts as lost after a while.
   */
  takeLook(): boolean {
    const due = this.#breaker.state === 'closed' ? this.isStale : this.#breaker.waitMs === 0;
    if (!due || this.#now() < this.#lookingUntil) return false;
    this.#breaker.takeLook();
    this.#lookingUntil = this.#now() + 2 * GATEWAY_LOOK_MS;
    return true;
  }

  /** How a look went: its list of models, or none. */
  looked(models: readonly GatewayModel[] | undefined): void {
    this.#lookingUntil = Number.NEGATIVE_INFINITY;
    if (models === undefined) {
      this.#breaker.failed();
      return;
    }
    this.models = models;
    this.#askedAt = this.#now();
    this.#breaker.succeeded();
  }

  /** What a request's own exchange told. */
  told(health: Health): void {
    if (health === 'failed') this.#breaker.failed();
    else if (health !== 'well') this.#drainingUntil = this.#now() + 1000 * health.drainingS;
    // one that is away comes back by a look alone: this answer may be of a request from before
    else if (this.#breaker.state === 'closed') this.#breaker.succeeded();
  }

  /** It said that it does not have a model that its list holds. */
  doubtModels(): void {
    this.models = undefined;
  }
}

export class Fleet {
  readonly members: readonly Member[];
  constructor(specs: readonly GatewaySpec[], now: () => number = () => Date.now()) {
    this.members = specs.map((spec) => new Member(spec, now));
  }

  /** Members by nearness to the caller's region and by the key, those in use first: the others get what nobody else takes. */
  inOrder(home: Region | undefined, key: string): readonly Member[] {
    const order = inOrder(
      this.members.map(({ spec }) => spec),
      home,
      key,
    );
    const ordered = order.flatMap((spec) => this.members.filter((member) => member.spec === spec));
    const of = (standing: Standing) => ordered.filter((member) => member.standing === standing);
    return [...of('well'), ...of('draining'), ...of('away')];
  }
}

const fleets = new Map<string, Result<Fleet>>();

/** The isolate's fleet of this configuration, or what is wrong with it. */
export const fleetOf = (gateways: unknown): Result<Fleet> => {
  const key = typeof gateways === 'string' ? gateways : JSON.stringify(gateways);
  let fleet = fleets.get(key);
  if (fleet === undefined) {
    const specs = parseGateways(gateways);
    fleet = specs.ok ? ok(new Fleet(specs.value)) : specs;
  }
  fleets.delete(key);
  fleets.set(key, fleet);
  const [oldest] = fleets.keys();
  if (fleets.size > MAX_FLEETS && oldest !== undefined) fleets.delete(oldest);
  return fleet;
};
