// What goes wrong in Vectorize, as values: the real service's codes and wording, and the one place that words them.
// A code marked "guess" was never seen in public; the others were (docs/reference/vectorize-local.md says where).
// Trade-off: only the code is meant to be relied on. The wording follows the real one closely, but it is not a contract there either.

/** `error: null` stands for an answer without a readable body, which the real binding words as "Status + 500". */
export interface VectorizeFault {
  readonly code: number | null;
  readonly error: string | null;
  readonly status: number;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: VectorizeFault };

export type Operation =
  | 'INDEX_GET'
  | 'VECTOR_QUERY'
  | 'VECTOR_INSERT'
  | 'VECTOR_UPSERT'
  | 'VECTOR_GET'
  | 'VECTOR_DELETE';

export const answer = <T>(value: T): Answer<T> => ({ ok: true, value });

export const refuse = (code: number | null, error: string | null, status = 400): Answer<never> => ({
  ok: false,
  fault: { code, error, status },
});

/** A request body that cannot be read: what a query gets, and what an insert or upsert gets. */
export const UNREADABLE_QUERY = 40026;
export const UNREADABLE_VECTORS = 40023;
export const WRONG_QUERY_DIMENSIONS = 40006;
export const TOO_MANY_ITEMS = 40007;
export const ID_TOO_LONG = 40008;
export const NAMESPACE_TOO_LONG = 40009;
export const WRONG_DIMENSIONS = 40012;
export const OVERSIZED_METADATA = 40016;
export const BAD_METADATA_KEY = 40018;
/** Guess: a filter the service refuses. */
export const BAD_FILTER = 40019;
/** Guess: queryById of an id that is not in the index. */
export const UNKNOWN_ID = 40024;
export const TOP_K_TOO_LARGE = 40025;
export const TOO_MANY_REQUESTS = 40041;

/** The error that the real binding throws for this answer. */
export const thrown = (operation: Operation, fault: VectorizeFault): Error => {
  if (fault.error === null) {
    return new Error(`${operation}_ERROR: Status + ${fault.status}`, { cause: new Error(`Status ${fault.status}`) });
  }
  const code = fault.code === null ? '' : ` (code = ${fault.code})`;
  return new Error(`${operation}_ERROR${code}: ${fault.error}`, { cause: new Error(fault.error) });
};

/** The response that the real service sends for it; the real binding turns it into the error above. */
export const faultResponse = (fault: VectorizeFault): Response => {
  if (fault.error === null) return new Response('internal error', { status: fault.status });
  const body = fault.code === null ? { error: fault.error } : { code: fault.code, error: fault.error };
  return Response.json(body, { status: fault.status });
};
