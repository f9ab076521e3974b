// What an operator watches, in Prometheus' text format at /metrics. No label takes a value that a caller chooses freely.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Queue } from './queue.ts';

export const createMetrics = (queue: Queue) => {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: 'sift_gateway_queue_waiting',
    help: 'Requests waiting for a backend worker',
    registers,
    collect() {
      this.set(queue.waiting);
    },
  });
  new Gauge({
    name: 'sift_gateway_running',
    help: 'Requests being tuned, scored or generated now',
    registers,
    collect() {
      this.set(queue.running);
    },
  });
  new Gauge({
    name: 'sift_gateway_resident_bytes',
    help: 'Resident memory of the gateway process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  return {
    registry,
    requests: new Counter({
      name: 'sift_gateway_requests_total',
      help: 'Requests by route and outcome (ok or the code of the error)',
      labelNames: ['route', 'outcome'] as const,
      registers,
    }),
    steps: new Counter({ name: 'sift_gateway_steps_total', help: 'Gradient steps made', registers }),
    tokens: new Counter({ name: 'sift_gateway_generated_tokens_total', help: 'Tokens generated', registers }),
    seconds: new Histogram({
      name: 'sift_gateway_stage_seconds',
      help: 'Seconds by stage of a request',
      labelNames: ['stage'] as const,
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
      registers,
    }),
  };
};

export type Metrics = ReturnType<typeof createMetrics>;
