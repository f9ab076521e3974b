// The line on a terminal that says how an ingest gets on: done, rate, share and remaining time by the bytes of its inputs, what
// was refused. Drawn some times a second, and only where it can be redrawn in place.
import { type Counts, left } from './account.ts';

const DRAWN_EVERY_MS = 100;
/** Share of the bytes below which no remaining time is told. */
const LEAST_SHARE = 0.01;

export const duration = (seconds: number): string => {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
};

export const count = (value: number): string => value.toLocaleString('en-US');

export interface Pace {
  /** Milliseconds since the beginning. */
  readonly ms: number;
  readonly bytes: number;
  /** undefined: stdin. */
  readonly allBytes: number | undefined;
  readonly waiting?: string | undefined;
  /** Nothing is sent: what is read counts. */
  readonly dryRun?: boolean;
}

export const progressLine = (counts: Counts, { ms, bytes, allBytes, waiting, dryRun = false }: Pace): string => {
  const done = counts.examples - (dryRun ? 0 : left(counts));
  const sent = done - counts.resumed;
  const share = allBytes === undefined || allBytes === 0 ? undefined : Math.min(1, bytes / allBytes);
  const refused = counts.refusedByEdge + counts.refusedHere;
  return [
    `${count(done)} ${dryRun ? 'read' : 'done'}`,
    ...(counts.resumed > 0 ? [`${count(counts.resumed)} of them before`] : []),
    `${count(Math.round(sent / Math.max(0.001, ms / 1000)))}/s`,
    ...(share === undefined ? [] : [`${Math.floor(100 * share)} %`]),
    ...(share !== undefined && share >= LEAST_SHARE ? [`${duration(((ms / share) * (1 - share)) / 1000)} left`] : []),
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
    ...(waiting === undefined ? [] : [waiting]),
  ].join('  ');
};

export interface Meter {
  /** `now`: though it was drawn only just before. */
  update(when?: 'now'): void;
  /** Takes the line away, so that others can be written. */
  clear(): void;
  /** Takes it away for good. */
  end(): void;
}

export const meter = (draw: ((text: string) => void) | undefined, line: () => string, columns: () => number): Meter => {
  let last = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  let isOver = false;
  const one: Meter = {
    update(when) {
      const now = performance.now();
      if (draw === undefined || isOver || (when !== 'now' && now - last < DRAWN_EVERY_MS)) return;
      last = now;
      isDrawn = true;
      draw(`\r\u001b[2K${line().slice(0, Math.max(10, columns() - 1))}`);
    },
    clear() {
      if (isDrawn) draw?.('\r\u001b[2K');
      isDrawn = false;
    },
    end() {
      one.clear();
      isOver = true;
    },
  };
  return one;
};
