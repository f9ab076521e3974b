// The gateways as a request of ours reaches them: where they are and how one comes there, which are near to its caller, what
// keeps its repeats together, and what their logs will know it by. The one door to them.
import { regionOf, type Whereabouts } from '../../wire/regions.ts';
import type { RequestRecord } from '../observe/record.ts';
import type { Gateway } from './gateway.ts';

const PARTS = [
  'GATEWAYS',
  'GATEWAY_URL',
  'GATEWAY_SECRET',
  'GATEWAY_ACCESS_ID',
  'GATEWAY_ACCESS_SECRET',
  'GATEWAY_VPC',
] as const;
type Configured = Pick<Gateway, (typeof PARTS)[number]>;

export interface Asking {
  readonly env: Configured;
  readonly req: { readonly raw: object; header(name: string): string | undefined };
  readonly var: { readonly record: Pick<RequestRecord, 'trail' | 'asked'> };
  readonly executionCtx: { waitUntil(work: Promise<unknown>): void };
}

/** What of the Worker's Env belongs to the gateways, and nothing else. */
export const gatewayParts = (env: Configured): Configured =>
  Object.fromEntries(PARTS.flatMap((part) => (env[part] === undefined ? [] : [[part, env[part]]])));

/** The caller's region, as Cloudflare tells it of a request. */
export const homeOf = (request: object): ReturnType<typeof regionOf> =>
  regionOf('cf' in request ? ((request.cf ?? undefined) as Whereabouts | undefined) : undefined);

export const gatewayOf = (c: Asking): Gateway => {
  const { record } = c.var;
  return {
    ...gatewayParts(c.env),
    trail: record.trail,
    home: homeOf(c.req.raw),
    session: c.req.header('idempotency-key'),
    asked: (name) => record.asked(name),
    later: (work) => c.executionCtx.waitUntil(work),
  };
};
