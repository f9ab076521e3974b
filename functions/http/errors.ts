// Errors on their way to the wire, whoever phrased them: our own faults, and what the gateway said to our caller.
import { asFault, FaultError, toWire, type WireError } from '../../wire/faults.ts';

/** An error that another server phrased for our caller already. */
export class RelayedError extends Error {
  readonly wire: WireError;
  constructor(wire: WireError) {
    super(wire.body.error.message);
    this.name = 'RelayedError';
    this.wire = wire;
  }
}

/** Nobody foresaw it: to be logged whole. */
export const isUnforeseen = (error: unknown): boolean =>
  !(error instanceof RelayedError) && asFault(error).kind === 'internal';

/** What the caller is told. An unforeseen error's own words may hold anything, so they stay in the log. */
export const wireError = (error: unknown): WireError => {
  if (error instanceof RelayedError) return error.wire;
  if (error instanceof FaultError) return toWire(error.fault);
  return toWire({ kind: 'internal', message: 'unexpected; the log has the details under this x-request-id' });
};
