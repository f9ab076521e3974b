// The vector index as corpora use it: its errors as faults, and which of them are about what was sent.

import { type Fault, FaultError } from '../../wire/faults.ts';
import { messageOf } from '../../wire/message.ts';

/** `VECTOR_QUERY_ERROR (code = 40025): …` as a fault. */
export const vectorizeFault = (error: unknown): FaultError => {
  const message = messageOf(error);
  const [, code, rest] = /\(code = (\d+)\):? ?([\s\S]*)/.exec(message) ?? [];
  const fault: Fault = { kind: 'vectorize', code: code === undefined ? null : Number(code), message: rest ?? message };
  return new FaultError(fault, error);
};

/** Too many requests: the same vectors would be taken later. */
const TOO_MANY_REQUESTS = 40041;

/** Whether the index refused what it was sent (40000 to 40999), rather than failed to answer. */
export const isRefusal = (fault: Fault): boolean =>
  fault.kind === 'vectorize' &&
  fault.code !== null &&
  fault.code >= 40_000 &&
  fault.code < 41_000 &&
  fault.code !== TOO_MANY_REQUESTS;
