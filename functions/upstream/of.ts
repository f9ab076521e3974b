// The gateway as a request of ours reaches it: where it is, how one comes there, and what its log will know the request by.
import type { RequestRecord } from '../observe/record.ts';
import type { Gateway } from './client.ts';

export interface Asking {
  readonly env: Gateway;
  readonly var: { readonly record: Pick<RequestRecord, 'trail'> };
}

const PARTS = ['GATEWAY_URL', 'GATEWAY_SECRET', 'GATEWAY_ACCESS_ID', 'GATEWAY_ACCESS_SECRET', 'GATEWAY_VPC'] as const;

/** What of the Worker's Env belongs to the gateway, and nothing else. */
export const gatewayParts = (env: Gateway): Gateway =>
  Object.fromEntries(PARTS.flatMap((part) => (env[part] === undefined ? [] : [[part, env[part]]])));

export const gatewayOf = ({ env, var: { record } }: Asking): Gateway => ({
  ...gatewayParts(env),
  trail: record.trail,
});
