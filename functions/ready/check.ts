// What a request needs, looked at piece by piece: the kernel computes a selection whose answer is known, stores and secrets
// are bound, the gateway answers with our signature and has a model. Each piece is 'ok' or a word for what is wrong; no word
// names an address, a model or a secret, since whoever asks may read it.
import type { Result } from '../../wire/faults.ts';
import { READY_GATEWAY_MS } from '../../wire/limits.ts';
import { RetryBudget } from '../../wire/retry-budget.ts';
import { UpstreamError } from '../http/errors.ts';
import type { Problem, Selection } from '../kernel/problem.ts';
import { type Gateway, gatewayModels } from '../upstream/client.ts';

export type Checks = Readonly<Record<'kernel' | 'stores' | 'keys' | 'gateway', string>>;

/** Bindings and secrets, as far as it is asked whether they are there. */
export interface Given extends Gateway {
  readonly VECTORIZE?: unknown;
  readonly TEXTS?: unknown;
  readonly CATALOGUE?: unknown;
  readonly CORPORA?: unknown;
  readonly API_KEY?: string;
}

/**
 * Three candidates along one axis each, a prompt nearest to the second and then to the first. With λ = 1 and p = 1 a pick of
 * unit length lowers σ² by c²/2: 0.64/2, then 0.36/2.
 */
const PROBLEM: Problem = {
  rows: Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]),
  queries: Float32Array.from([0.6, 0.8, 0]),
  dimensions: 3,
  picks: 2,
  lambda: 1,
  repeat: false,
};
const PICKS = [1, 0];
const FINAL_VARIANCE = 1 - (0.8 ** 2 + 0.6 ** 2) / 2;

const kernelProblem = (select: (problem: Problem) => Result<Selection>): string => {
  const selection = select(PROBLEM);
  if (!selection.ok) return 'failed';
  const { picks, variances } = selection.value;
  const right = picks.length === PICKS.length && picks.every((pick, i) => pick === PICKS[i]);
  return right && Math.abs((variances.at(-1) ?? Number.NaN) - FINAL_VARIANCE) < 1e-6 ? 'ok' : 'wrong';
};

const STORES = ['VECTORIZE', 'TEXTS', 'CATALOGUE', 'CORPORA'] as const;

const storesProblem = (given: Given): string => {
  const missing = STORES.filter((name) => given[name] === undefined);
  return missing.length === 0 ? 'ok' : `not bound: ${missing.join(', ')}`;
};

const CLOCKS = { firstByteMs: READY_GATEWAY_MS, idleMs: READY_GATEWAY_MS, deadlineMs: READY_GATEWAY_MS };

const gatewayProblem = async (given: Gateway, signal: AbortSignal): Promise<string> => {
  // selections and embeddings need none
  if (given.GATEWAY_URL === undefined || given.GATEWAY_URL === '') return 'none';
  try {
    const models = await gatewayModels(given, signal, { clocks: CLOCKS, budget: new RetryBudget() });
    return models.length === 0 ? 'no models' : 'ok';
  } catch (error) {
    return error instanceof UpstreamError ? error.wire.body.error.code : 'internal';
  }
};

export const check = async (
  given: Given,
  select: (problem: Problem) => Result<Selection>,
  signal: AbortSignal,
): Promise<Checks> => ({
  kernel: kernelProblem(select),
  stores: storesProblem(given),
  keys: given.API_KEY === undefined || given.API_KEY === '' ? 'no API_KEY' : 'ok',
  gateway: await gatewayProblem(given, signal),
});

/** A deployment without a gateway is ready for what it serves. */
export const isReady = (checks: Checks): boolean =>
  Object.values(checks).every((state) => state === 'ok') ||
  (checks.gateway === 'none' && Object.entries(checks).every(([name, state]) => name === 'gateway' || state === 'ok'));
