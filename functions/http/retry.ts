// What SDKs are told about trying again: x-should-retry.
import { RelayedError } from './errors.ts';

export const RETRY_HEADER = 'x-should-retry';

/** Refused before any work was done, so that trying again costs nothing twice. */
export const failedBeforeTuning = (error: unknown): boolean =>
  error instanceof RelayedError && (error.wire.status < 500 || error.wire.status === 503);
