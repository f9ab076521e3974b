// What an edge refused, in its own words, or a connection that failed.

interface Wire {
  readonly message?: string;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string | null;
}

export class SiftError extends Error {
  /** HTTP status; undefined where the connection failed, or an answer broke off. */
  readonly status: number | undefined;
  /** For programs: `unknown_corpus`, `rate_limited`, …; `connection` where there was no answer. */
  readonly code: string;
  readonly type: string;
  /** The field that it is about. */
  readonly param: string | null;
  /** Seconds after which trying again makes sense, where the edge said so. */
  readonly retryAfterS: number | undefined;
  /** The edge's log has the details under it. */
  readonly requestId: string | undefined;

  constructor(wire: Wire, response?: Response, cause?: unknown) {
    super(wire.message ?? `the edge answered ${response?.status}`, { cause });
    this.name = 'SiftError';
    this.status = response?.status;
    this.code = wire.code ?? 'connection';
    this.type = wire.type ?? 'connection_error';
    this.param = wire.param ?? null;
    const after = Number(response?.headers.get('retry-after') ?? Number.NaN);
    this.retryAfterS = Number.isFinite(after) ? after : undefined;
    this.requestId = response?.headers.get('x-request-id') ?? undefined;
  }
}

/** Why a connection failed: fetch says “fetch failed”, and the reason is what caused it, or the first of several. */
export const reasonOf = (error: unknown): string => {
  const { cause, errors, message, code } = error as Error & { errors?: unknown[]; code?: string };
  const inner = cause ?? errors?.[0];
  if (inner instanceof Error) return reasonOf(inner);
  return message || code || String(error);
};

/** Of an answer that is no 2xx. A proxy's page in place of our JSON is told by its status alone. */
export const errorOf = async (response: Response): Promise<SiftError> => {
  const text = await response.text();
  try {
    return new SiftError((JSON.parse(text) as { error?: Wire }).error ?? {}, response);
  } catch {
    return new SiftError({}, response);
  }
};
