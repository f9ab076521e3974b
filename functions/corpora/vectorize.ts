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

/** An answer without a readable body is told by its status alone. */
const STATUS = /Status \+ (\d+)/;
/** Statuses of 400 to 499 that say nothing about what was sent: a time-out, too many requests. */
const NOT_ABOUT_CONTENT: readonly number[] = [401, 403, 408, 429];

/** Whether the index refused what it was sent (40000 to 40999, or a status that says so), rather than failed to answer. */
export const isRefusal = (fault: Fault): boolean => {
  if (fault.kind !== 'vectorize') return false;
  if (fault.code !== null) return fault.code >= 40_000 && fault.code < 41_000 && fault.code !== TOO_MANY_REQUESTS;
  const status = Number(STATUS.exec(fault.message)?.[1] ?? 0);
  return status >= 400 && status < 500 && !NOT_ABOUT_CONTENT.includes(status);
};
