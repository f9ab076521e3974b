// What an operator watches, in Prometheus' text format at /metrics. No label takes a value that a
// caller chooses freely: backends have the operator's names, and tenants are counted, never named.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AdapterReport } from '../wire/tune.ts';
import type { AdapterStore } from './adapters/store.ts';
import type { Queue } from './queue.ts';

/** The backend of a request that was refused before one was found. */
export const NO_BACKEND = 'none';

export const createMetrics = (queues: ReadonlyMap<string, Queue>, adapters: AdapterStore) => {
  const registry = new Registry();
  const registers = [registry];
  const ofQueues = (name: string, help: string, value: (queue: Queue) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['backend'] as const,
      registers,
      collect() {
        for (const [backend, queue] of queues) this.set({ backend }, value(queue));
      },
    });
  };
  ofQueues('sift_gateway_queue_waiting', 'Requests waiting for a backend', ({ waiting }) => waiting);
  ofQueues('sift_gateway_running', 'Requests being tuned, scored or generated now', ({ running }) => running);
  ofQueues('sift_gateway_tenants', 'Tenants that wait, run or had more than their share', ({ tenants }) => tenants);
  new Gauge({
    name: 'sift_gateway_resident_bytes',
    help: 'Resident memory of the gateway process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'sift_gateway_adapter_bytes',
    help: 'Adapters of earlier requests that are kept, in bytes',
    registers,
    collect() {
      this.set(adapters.bytes);
    },
  });
  return {
    registry,
    requests: new Counter({
      name: 'sift_gateway_requests_total',
      help: 'Requests by route, outcome (ok or the code of the error) and backend (none: refused before one was found)',
      labelNames: ['route', 'outcome', 'backend'] as const,
      registers,
    }),
    steps: new Counter({
      name: 'sift_gateway_steps_total',
      help: 'Gradient steps made, those that the guard undid included',
      labelNames: ['backend'] as const,
      registers,
    }),
    guard: new Counter({
      name: 'sift_gateway_guard_total',
      help: 'Tuned requests by what the guard did: kept, lowered (the rate), cut (to the first steps) or base',
      labelNames: ['backend', 'outcome'] as const,
      registers,
    }),
    adapters: new Counter({
      name: 'sift_gateway_adapters_total',
      help: 'Requests whose adapter was found, so that no step was made, or made and kept for the next',
      labelNames: ['backend', 'outcome'] as const,
      registers,
    }),
    tokens: new Counter({
      name: 'sift_gateway_generated_tokens_total',
      help: 'Tokens generated',
      labelNames: ['backend'] as const,
      registers,
    }),
    seconds: new Histogram({
      name: 'sift_gateway_stage_seconds',
      help: 'Seconds by stage of a request',
      labelNames: ['stage', 'backend'] as const,
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
      registers,
    }),
  };
};

export type Metrics = ReturnType<typeof createMetrics>;

export const countAdapter = ({ adapters }: Metrics, backend: string, adapter: AdapterReport | null): void => {
  if (adapter !== null) adapters.inc({ backend, outcome: adapter.reused ? 'found' : 'made' });
};
