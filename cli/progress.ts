// A progress line on stderr, redrawn in place, and only on a terminal. Programs that run for hours (a study, a calibration)
// have it in a log as well, a line every tenth.
const WIDTH = 28;

export interface Progress {
  update(done: number): void;
  end(): void;
}

export interface ProgressOptions {
  readonly out?: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;
  /** Where there is no terminal, a line every tenth. */
  readonly logged?: boolean;
  /** Milliseconds after which the work ends, done or not. */
  readonly limitMs?: number;
}

export const progress = (label: string, total: number, options: ProgressOptions = {}): Progress => {
  const { out = process.stderr, logged = false, limitMs = Number.POSITIVE_INFINITY } = options;
  const started = performance.now();
  let lastTenth = -1;
  let lastDrawn = 0;
  const line = (done: number): string => {
    const share = total === 0 ? 1 : done / total;
    const filled = Math.round(share * WIDTH);
    const seconds = (performance.now() - started) / 1000;
    // from the first percent on; before that the model is still loading
    const rest = Math.min(share === 0 ? Number.POSITIVE_INFINITY : seconds / share, limitMs / 1000) - seconds;
    const left =
      share < 1 && (share > 0.01 || Number.isFinite(limitMs))
        ? `  ${share > 0.01 ? '' : 'at most '}${Math.ceil(Math.max(0, rest))} s left`
        : '';
    return `${label} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}  ${seconds.toFixed(1)} s${left}`;
  };
  return {
    update(done) {
      if (out.isTTY) {
        if (performance.now() - lastDrawn < 80 && done < total) return;
        lastDrawn = performance.now();
        out.write(`\r\u001b[2K${line(done)}`);
      } else if (logged && Math.floor((10 * done) / Math.max(total, 1)) > lastTenth) {
        lastTenth = Math.floor((10 * done) / Math.max(total, 1));
        out.write(`${line(done)}\n`);
      }
    },
    end() {
      if (out.isTTY) out.write('\n');
    },
  };
};
