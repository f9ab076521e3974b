// What SDKs are told about trying again: x-should-retry. 'false' only where tuning may have begun, since a second try would
// pay for all of it again; otherwise the header is absent, and SDKs go by the status.
import { UpstreamError } from './errors.ts';

export const RETRY_HEADER = 'x-should-retry';

/** The gateway did no work for it, as far as can be known. */
export const failedBeforeTuning = (error: unknown): boolean => error instanceof UpstreamError && !error.begun;
