// What a request needs, looked at piece by piece: the kernel computes a selection whose answer is known, stores and secrets
// are bound, the gateway answers with our signature and has a model. Each piece is 'ok' or a word for what is wrong; no word
// names an address, a model or a secret, since whoever asks may read it.
import type { Result } from '../../wire/faults.ts';
import { READY_GATEWAY_MS } from '../../wire/limits.ts';
import { RetryBudget } from '../../wire/retry-budget.ts';
import { UpstreamError } from '../http/errors.ts';
import type { Problem, Selection } from '../kernel/problem.ts';
import { gatewayModels } from '../upstream/client.ts';
import { type Gateway, hasGateway } from '../upstream/gateway.ts';
import { eachGateway } from '../upstream/several.ts';

export type Checks = Readonly<Record<'kernel' | 'stores' | 'keys' | 'gateway', string>> & {
  /** Of several, each by its name; `gateway` is then ok if one of them is. */
  readonly gateways?: Readonly<Record<string, string>>;
};

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

/** An error's code: its words may name an address. */
const wordFor = (error: unknown): string => (error instanceof UpstreamError ? error.wire.body.error.code : 'internal');

const stateOf = async (gateway: Gateway, signal: AbortSignal): Promise<string> => {
  try {
    const models = await gatewayModels(gateway, signal, { clocks: CLOCKS, budget: new RetryBudget() });
    return models.length === 0 ? 'no models' : 'ok';
  } catch (error) {
    return wordFor(error);
  }
};

const gatewayStates = async (given: Gateway, signal: AbortSignal): Promise<Pick<Checks, 'gateway' | 'gateways'>> => {
  // selections and embeddings need none
  if (!hasGateway(given)) return { gateway: 'none' };
  try {
    const each = eachGateway(given);
    const states = await Promise.all(each.map(({ gateway }) => stateOf(gateway, signal)));
    const gateway = states.includes('ok') ? 'ok' : (states[0] ?? 'none');
    const named = each.flatMap(({ name }, i) => (name === undefined ? [] : [[name, states[i] ?? '']]));
    return { gateway, ...(named.length === 0 ? {} : { gateways: Object.fromEntries(named) }) };
  } catch (error) {
    return { gateway: wordFor(error) };
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
  ...(await gatewayStates(given, signal)),
});

/** A deployment without a gateway is ready for what it serves. */
export const isReady = ({ kernel, stores, keys, gateway }: Checks): boolean =>
  [kernel, stores, keys].every((state) => state === 'ok') && (gateway === 'ok' || gateway === 'none');
