// The gateways as a request of ours reaches them: where they are, which are near to its caller, what keeps its repeats
// together, and what their logs will know it by. The one door to them.
import { regionOf, type Whereabouts } from '../../wire/regions.ts';
import type { RequestRecord } from '../observe/record.ts';
import type { Gateway } from './gateway.ts';

export interface Asking {
  readonly env: Pick<Gateway, 'GATEWAYS' | 'GATEWAY_URL' | 'GATEWAY_SECRET'>;
  readonly req: { readonly raw: object; header(name: string): string | undefined };
  readonly var: { readonly record: Pick<RequestRecord, 'trail' | 'asked'> };
  readonly executionCtx: { waitUntil(work: Promise<unknown>): void };
}

/** The caller's region, as Cloudflare tells it of a request. */
export const homeOf = (request: object): ReturnType<typeof regionOf> =>
  regionOf('cf' in request ? ((request.cf ?? undefined) as Whereabouts | undefined) : undefined);

export const gatewayOf = (c: Asking): Gateway => {
  const { GATEWAYS, GATEWAY_URL, GATEWAY_SECRET } = c.env;
  const { record } = c.var;
  return {
    ...(GATEWAYS === undefined ? {} : { GATEWAYS }),
    ...(GATEWAY_URL === undefined ? {} : { GATEWAY_URL }),
    ...(GATEWAY_SECRET === undefined ? {} : { GATEWAY_SECRET }),
    trail: record.trail,
    home: homeOf(c.req.raw),
    session: c.req.header('idempotency-key'),
    asked: (name) => record.asked(name),
    later: (work) => c.executionCtx.waitUntil(work),
  };
};
