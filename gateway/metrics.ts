// What an operator watches, in Prometheus' text format at /metrics. No label takes a value that a
// caller chooses freely: backends and tenants have the operator's names, and of tenants only the first MAX_METRIC_TENANTS are
// told apart, so that the number of series has a bound. The others are `_other` together, a name that no tenant can have.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Fault, statusOf } from '../wire/faults.ts';
import { MAX_METRIC_TENANTS } from '../wire/limits.ts';
import type { AdapterReport } from '../wire/tune/steps.ts';
import type { AdapterStore } from './adapters/store.ts';
import type { Queue } from './queue.ts';

/** The backend of a request that was refused before one was found. */
export const NO_BACKEND = 'none';
/** The tenant of a request whose body was not understood, and of all beyond those that are told apart. */
const NO_TENANT = '_none';
const OTHERS = '_other';

/** The label of a tenant: its name for the first so many. */
const labels = (most: number): ((tenant: string | undefined) => string) => {
  const named = new Set<string>();
  return (tenant) => {
    if (tenant === undefined) return NO_TENANT;
    if (named.size < most) named.add(tenant);
    return named.has(tenant) ? tenant : OTHERS;
  };
};

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
    labelOf: labels(MAX_METRIC_TENANTS),
    requests: new Counter({
      name: 'sift_gateway_requests_total',
      help: 'Requests by route, outcome (ok or the code of the error) and backend (none: refused before one was found)',
      labelNames: ['route', 'outcome', 'backend'] as const,
      registers,
    }),
    previousSecret: new Counter({
      name: 'sift_gateway_previous_secret_total',
      help: 'Requests signed with the previous secret: while this rises, an edge still has it',
      registers,
    }),
    refusedSignatures: new Counter({
      name: 'sift_gateway_refused_signatures_total',
      help: 'Requests with a signature that does not hold: an edge has another secret, or a clock is off',
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
    tenantRequests: new Counter({
      name: 'sift_gateway_tenant_requests_total',
      help: 'Requests of a tenant: ok, refused (as they were), busy (no room now), failed, or cancelled by the caller',
      labelNames: ['tenant', 'outcome'] as const,
      registers,
    }),
    tenantSeconds: new Counter({
      name: 'sift_gateway_tenant_seconds_total',
      help: 'Seconds of a tenant by stage, of requests that ended well',
      labelNames: ['tenant', 'stage'] as const,
      registers,
    }),
    tenantSteps: new Counter({
      name: 'sift_gateway_tenant_steps_total',
      help: 'Gradient steps of a tenant, those that the guard undid included',
      labelNames: ['tenant'] as const,
      registers,
    }),
    tenantTokens: new Counter({
      name: 'sift_gateway_tenant_tokens_total',
      help: 'Tokens of a tenant that were read, learnt from or generated',
      labelNames: ['tenant'] as const,
      registers,
    }),
    overhead: new Histogram({
      name: 'sift_gateway_overhead_seconds',
      help: "Seconds of a request that were neither waiting for a turn nor a backend's work",
      labelNames: ['route'] as const,
      buckets: [0.001, 0.002, 0.005, 0.013, 0.03, 0.1, 0.3, 1, 3],
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

/** `ok`, or the kind of the fault that ended it. */
export type Outcome = 'ok' | Fault['kind'];

const outcomeClass = (outcome: Outcome): string => {
  if (outcome === 'ok' || outcome === 'cancelled') return outcome;
  const status = statusOf(outcome);
  return status < 500 ? 'refused' : status === 503 ? 'busy' : 'failed';
};

export interface Counted {
  readonly route: 'tune' | 'score';
  readonly backend: string;
  readonly tenant: string | undefined;
  readonly outcome: Outcome;
}

export const countRequest = (metrics: Metrics, { route, backend, tenant, outcome }: Counted): void => {
  metrics.requests.inc({ route, outcome, backend });
  metrics.tenantRequests.inc({ tenant: metrics.labelOf(tenant), outcome: outcomeClass(outcome) });
};

export interface Used {
  readonly ms: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly tokens: number;
}

/** What a request that ended well took, of its backend's stages and of its tenant. */
export const countUse = (metrics: Metrics, backend: string, tenant: string, { ms, steps, tokens }: Used): void => {
  const label = metrics.labelOf(tenant);
  for (const [stage, took] of Object.entries(ms)) {
    metrics.seconds.observe({ stage, backend }, took / 1000);
    metrics.tenantSeconds.inc({ tenant: label, stage }, took / 1000);
  }
  metrics.tenantSteps.inc({ tenant: label }, steps);
  metrics.tenantTokens.inc({ tenant: label }, tokens);
};
