// The gateway as a request of ours reaches it: where it is, and what its log will know the request by.
import type { RequestRecord } from '../observe/record.ts';
import type { Gateway } from './client.ts';

export interface Asking {
  readonly env: Gateway;
  readonly var: { readonly record: Pick<RequestRecord, 'trail'> };
}

export const gatewayOf = ({ env: { GATEWAY_URL, GATEWAY_SECRET }, var: { record } }: Asking): Gateway => ({
  ...(GATEWAY_URL === undefined ? {} : { GATEWAY_URL }),
  ...(GATEWAY_SECRET === undefined ? {} : { GATEWAY_SECRET }),
  trail: record.trail,
});
