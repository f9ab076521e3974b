// Starts workerd with bench/kernel/worker.ts, one Worker for each kind, so that neither evicts the other's problem.
import { fileURLToPath } from 'node:url';
import { bundle, startBareWorker } from '../../local/bundle.ts';
import type { Shape } from './inputs.ts';
import type { Kind, Mode } from './subject.ts';

export interface Workerd {
  /** Milliseconds of one request that makes `repetitions` selections. */
  run(kind: Kind, mode: Mode, shape: Shape, repetitions: number): Promise<{ ms: number; picks: number[] }>;
  stop(): Promise<void>;
}

export const startWorkerd = async (): Promise<Workerd> => {
  const modules = await bundle(fileURLToPath(new URL('worker.ts', import.meta.url)));
  const workers = {
    f32: await startBareWorker('f32', modules),
    q15: await startBareWorker('q15', modules),
    'q15 p=6': await startBareWorker('q15-p6', modules),
  };
  return {
    async run(kind, mode, { K, d }, repetitions) {
      const url = new URL(
        `?kind=${encodeURIComponent(kind)}&mode=${mode}&K=${K}&d=${d}&repetitions=${repetitions}`,
        workers[kind].url,
      );
      const from = performance.now();
      const response = await fetch(url);
      const body = await response.text();
      const ms = performance.now() - from;
      if (!response.ok) throw new Error(`workerd answered ${response.status}: ${body}`);
      const { picks } = JSON.parse(body) as { picks: number[] };
      return { ms, picks };
    },
    stop: async () => {
      for (const worker of Object.values(workers)) await worker.stop();
    },
  };
};
