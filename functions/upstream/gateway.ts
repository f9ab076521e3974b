// A deployment's gateways as a request of ours reaches them: where they listen, and what else decides how they are asked.
import { GATEWAY_DEADLINE_MS, GATEWAY_FIRST_BYTE_MS, GATEWAY_IDLE_MS } from '../../wire/limits.ts';
import type { Region } from '../../wire/regions.ts';
import { RetryBudget } from '../../wire/retry-budget.ts';
import type { Trail } from '../../wire/trace.ts';
import { type UpstreamError, upstreamFault } from '../http/errors.ts';
import { accessHeaders, type Network } from './access.ts';
import type { Place } from './exchange.ts';

/** Where the gateways listen, and the secret shared with them, a part of the Worker's Env; and what a request of ours adds. */
export interface Gateway {
  /** One gateway; passed over where GATEWAYS is set. */
  readonly GATEWAY_URL?: string;
  /** Several (wire/gateways.ts). */
  readonly GATEWAYS?: unknown;
  readonly GATEWAY_SECRET?: string;
  /** Of Cloudflare Access, which may stand before all of them. */
  readonly GATEWAY_ACCESS_ID?: string;
  readonly GATEWAY_ACCESS_SECRET?: string;
  /** A private network, to GATEWAY_URL alone: a binding leads to one host. */
  readonly GATEWAY_VPC?: Network;
  /** By which its log knows the caller's request. Not signed. */
  readonly trail?: Trail;
  /** The caller's region: the nearest gateways come first. */
  readonly home?: Region | undefined;
  /** What repeats of one request have in common. */
  readonly session?: string | undefined;
  /** Told the name of each gateway that is asked for work, where there are several. */
  readonly asked?: (name: string) => void;
  /** Keeps work alive beside the request. */
  readonly later?: (work: Promise<unknown>) => void;
}

export interface Clocks {
  /** Milliseconds until a stream, or the list of models, must have begun. */
  readonly firstByteMs: number;
  /** Milliseconds between two bytes. */
  readonly idleMs: number;
  /** Milliseconds of a whole call that works. */
  readonly deadlineMs: number;
}

export interface ClientOptions {
  readonly clocks: Clocks;
  readonly budget: RetryBudget;
}

export const DEFAULTS: ClientOptions = {
  clocks: { firstByteMs: GATEWAY_FIRST_BYTE_MS, idleMs: GATEWAY_IDLE_MS, deadlineMs: GATEWAY_DEADLINE_MS },
  budget: new RetryBudget(),
};

/** A deployment may serve selections and embeddings alone. */
export const hasGateway = ({ GATEWAYS, GATEWAY_URL }: Pick<Gateway, 'GATEWAYS' | 'GATEWAY_URL'>): boolean =>
  (GATEWAYS !== undefined && GATEWAYS !== '') || (GATEWAY_URL !== undefined && GATEWAY_URL !== '');

export const notConfigured = (): UpstreamError =>
  upstreamFault({ kind: 'not_configured', what: 'the gateway (GATEWAY_URL and GATEWAY_SECRET)' }, false);

export const secretOf = ({ GATEWAY_SECRET }: Gateway): string => {
  if (!GATEWAY_SECRET) throw notConfigured();
  return GATEWAY_SECRET;
};

/** How the gateway at this address is reached. Throws an UpstreamError where a secret is missing. */
export const placeOf = (gateway: Gateway, url: string, network: Network = globalThis): Place => {
  const { trail = {} } = gateway;
  return { url, secret: secretOf(gateway), network, access: accessHeaders(gateway), trail };
};
