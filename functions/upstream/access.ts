// How the edge comes through to a gateway without a public port: by a service token of Cloudflare Access, which guards the
// hostname of a tunnel, or by a binding to a private network (Workers VPC). Both only carry the request. Who may work is decided
// by the signature alone, so losing either lets nobody in.
import { upstreamFault } from '../http/errors.ts';

/** `fetch` itself, or a binding's. */
export interface Network {
  fetch(url: URL, init: RequestInit): Promise<Response>;
}

export interface ServiceToken {
  readonly GATEWAY_ACCESS_ID?: string;
  readonly GATEWAY_ACCESS_SECRET?: string;
}

/** None without a token. Half a token is a mistake of the configuration: Access would answer with its login page. */
export const accessHeaders = (token: ServiceToken): Readonly<Record<string, string>> => {
  const { GATEWAY_ACCESS_ID: id, GATEWAY_ACCESS_SECRET: secret } = token;
  if (!id && !secret) return {};
  if (id && secret) return { 'cf-access-client-id': id, 'cf-access-client-secret': secret };
  throw upstreamFault({ kind: 'not_configured', what: `GATEWAY_ACCESS_${id ? 'SECRET' : 'ID'}` }, false);
};
