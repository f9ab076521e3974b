// Where lines go: the console, which Workers' logs and `wrangler tail` read, and, where it is bound, Analytics Engine.
import { isLogged, type LineLevel, type LogLevel, logLevelOf, type RequestLine } from '../../wire/request-line.ts';

const METHODS = { error: 'error', warn: 'warn', info: 'log', debug: 'debug' } as const;

const write = (level: LineLevel, line: object): void => console[METHODS[level]](JSON.stringify(line));

export interface Log {
  readonly LOG_LEVEL?: string;
  readonly METRICS?: AnalyticsEngineDataset;
}

/** One data point a request; docs/operate.md has the columns. */
const count = (metrics: AnalyticsEngineDataset, line: RequestLine): void => {
  const {
    tenant,
    route,
    method,
    code,
    model,
    corpus,
    status,
    ms,
    steps,
    tokens,
    bytes_in,
    bytes_out,
    stages,
    gateways,
  } = line;
  const { embed = 0, select = 0, queue = 0, tune = 0, generate = 0 } = stages;
  metrics.writeDataPoint({
    indexes: [tenant ?? 'none'],
    blobs: [`${method} ${route ?? 'none'}`, code ?? 'ok', model ?? '', corpus?.join(',') ?? '', gateways?.at(-1) ?? ''],
    doubles: [status, ms, steps, tokens, bytes_in ?? 0, bytes_out, embed, select, queue, tune, generate],
  });
};

const levelOf = ({ LOG_LEVEL }: Log): LogLevel => logLevelOf(LOG_LEVEL, 'info');

export const tell = (log: Log, line: RequestLine): void => {
  if (isLogged(line.level, levelOf(log))) write(line.level, line);
  if (log.METRICS !== undefined && line.level !== 'debug') count(log.METRICS, line);
};

/** Of work beside a request, which failed where nobody waits for it. */
export const tellProblem = (where: string, error: unknown): void => {
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  write('error', {
    time: new Date().toISOString(),
    level: 'error',
    event: 'problem',
    side: 'edge',
    where,
    error: words,
  });
};
