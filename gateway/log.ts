// One JSON object a line on stderr: what log collectors read. Never a caller's text, never a key.
const write = (entry: Record<string, unknown>): void => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
};

export const logInfo = (event: string, details: Record<string, unknown> = {}): void =>
  write({ level: 'info', event, ...details });

const trace = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? trace(error.cause) : (error.stack ?? error.message);
};

export const logError = (path: string, error: unknown): void => write({ level: 'error', path, error: trace(error) });
