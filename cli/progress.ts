// A progress line on stderr: redrawn in place on a terminal, a line every tenth elsewhere, so that logs stay readable.
const WIDTH = 28;

export interface Progress {
  update(done: number): void;
  end(): void;
}

export const progress = (label: string, total: number, out: NodeJS.WriteStream = process.stderr): Progress => {
  const started = performance.now();
  let lastTenth = -1;
  let lastDrawn = 0;
  const line = (done: number): string => {
    const share = total === 0 ? 1 : done / total;
    const filled = Math.round(share * WIDTH);
    const seconds = (performance.now() - started) / 1000;
    // from the first percent on; before that the model is still loading
    const left = share > 0.01 && share < 1 ? `  ${Math.ceil(seconds / share - seconds)} s left` : '';
    return `${label} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}  ${seconds.toFixed(1)} s${left}`;
  };
  return {
    update(done) {
      if (out.isTTY) {
        if (performance.now() - lastDrawn < 80 && done < total) return;
        lastDrawn = performance.now();
        out.write(`\r\u001b[2K${line(done)}`);
      } else if (Math.floor((10 * done) / Math.max(total, 1)) > lastTenth) {
        lastTenth = Math.floor((10 * done) / Math.max(total, 1));
        out.write(`${line(done)}\n`);
      }
    },
    end() {
      if (out.isTTY) out.write('\n');
    },
  };
};
