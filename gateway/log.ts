// One JSON object a line on stderr: what log collectors read. Never a caller's text, never a key.
import { inspect } from 'node:util';
import { asFault, FaultError } from '../wire/faults.ts';
import { isLogged, type LogLevel, type RequestLine } from '../wire/request-line.ts';

const write = (entry: Record<string, unknown>): void => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
};

export const logInfo = (event: string, details: Record<string, unknown> = {}): void =>
  write({ level: 'info', event, ...details });

const trace = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : inspect(error);
  return error.cause instanceof Error ? trace(error.cause) : (error.stack ?? error.message);
};

export const logError = (where: string, error: unknown): void => write({ level: 'error', where, error: trace(error) });

/** Whether a thrown thing behind the fault was foreseen by nobody. */
const isUnexpected = (error: unknown): boolean => {
  if (!(error instanceof FaultError)) return true;
  return error.cause === undefined ? error.fault.kind === 'internal' : isUnexpected(error.cause);
};

/** The stack of an error that ends a request, if an operator has to know: a mistake of ours, or something a backend threw. */
export const traceUnexpected = (error: unknown): string | undefined => {
  const { kind } = asFault(error);
  return kind === 'internal' || (kind === 'backend' && isUnexpected(error)) ? trace(error) : undefined;
};

export const logRequest = (line: RequestLine, level: LogLevel): void => {
  if (isLogged(line.level, level)) process.stderr.write(`${JSON.stringify(line)}\n`);
};
