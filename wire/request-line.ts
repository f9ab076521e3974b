// The one line that edge and gateway each write of a request, as JSON, at its end: of a stream, when the stream ends. It holds
// no text of a caller's and no key; an error that nobody foresaw brings its stack. docs/operate.md says what each field means.
import type { Trace } from './trace.ts';

export const LOG_LEVELS = ['off', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** Of a line. */
export type LineLevel = Exclude<LogLevel, 'off'>;

/** What an operator wrote; `1` asks for every request, and what is no level counts as absent. */
export const logLevelOf = (text: string | undefined, otherwise: LogLevel): LogLevel => {
  if (text === '1') return 'info';
  return LOG_LEVELS.find((level) => level === text) ?? otherwise;
};

export const isLogged = (level: LineLevel, upTo: LogLevel): boolean =>
  LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(upTo);

export interface RequestLine {
  readonly time: string;
  readonly level: LineLevel;
  readonly event: 'request';
  readonly side: 'edge' | 'gateway';
  readonly request_id: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_id: string | null;
  readonly method: string;
  /** The route's pattern, never the path that was asked for; null: there is none. */
  readonly route: string | null;
  readonly tenant: string | null;
  /** The id of the key, which is no secret. */
  readonly key?: string;
  readonly model?: string;
  readonly corpus?: readonly string[];
  /** Those that were asked, where there are several; the last one served it. */
  readonly gateways?: readonly string[];
  readonly status: number;
  /** Of the error, also of one that ended a stream; null: none. */
  readonly code: string | null;
  readonly ms: number;
  /** Milliseconds of its stages. */
  readonly stages: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly tokens: number;
  /** Null where the caller declared no length. */
  readonly bytes_in: number | null;
  readonly bytes_out: number;
  /** The caller left before the end. */
  readonly aborted: boolean;
  /** The stack of an error that nobody foresaw, or why the gateway could not be used. */
  readonly error?: string;
}

/** What went wrong, as far as it is told. */
export interface Failure {
  readonly code: string;
  /** The status that it has or would have had. */
  readonly status: number;
  readonly error?: string;
}

/** Failures of ours are errors; what was refused, or has to wait, is a warning; probes are of no interest. */
export const levelOf = (status: number, failure: Failure | undefined, aborted: boolean, probe: boolean): LineLevel => {
  const worst = Math.max(status, failure?.status ?? 0);
  if (failure?.error !== undefined || worst === 500 || worst === 502) return 'error';
  if (aborted) return 'info';
  if (worst >= 400) return 'warn';
  return probe ? 'debug' : 'info';
};

/** Milliseconds with a tenth; a line needs no more. */
export const tenths = (ms: number): number => Math.round(ms * 10) / 10;

export const stagesOnLine = (stages: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(stages).map(([name, ms]) => [name, tenths(ms)]));

export const traceOnLine = ({ traceId, spanId, parentId }: Trace) => ({
  trace_id: traceId,
  span_id: spanId,
  parent_id: parentId ?? null,
});
