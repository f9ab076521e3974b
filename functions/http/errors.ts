// Errors on their way to the wire: our own faults, and failed calls to the gateway.
import { type Fault, FaultError, toWire, type WireError } from '../../wire/faults.ts';

/** A call to the gateway that failed: what our caller is told, and whether work may have begun that a retry pays again. */
export class UpstreamError extends Error {
  readonly wire: WireError;
  readonly begun: boolean;
  constructor(wire: WireError, begun: boolean, cause?: unknown) {
    super(wire.body.error.message, { cause });
    this.name = 'UpstreamError';
    this.wire = wire;
    this.begun = begun;
  }
}

export const upstreamFault = (fault: Fault, begun: boolean, cause?: unknown): UpstreamError =>
  new UpstreamError(toWire(fault), begun, cause);

/** What the caller is told. An unforeseen error's own words may hold anything, so they stay in the log. */
export const wireError = (error: unknown): WireError => {
  if (error instanceof UpstreamError) return error.wire;
  if (error instanceof FaultError) return toWire(error.fault);
  return toWire({ kind: 'internal', message: 'unexpected; the log has the details under this x-request-id' });
};
