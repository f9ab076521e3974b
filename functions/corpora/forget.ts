// What the gateways have made of examples that were deleted or replaced goes too. All are told, since each may have served the
// corpus. Best effort: a gateway that cannot be told is no reason to fail a deletion, and keeps an adapter for ADAPTER_TTL_MS
// at most.
import { MAX_FORGOTTEN } from '../../wire/limits.ts';
import { tellProblem } from '../observe/tell.ts';
import { gatewayForget } from '../upstream/client.ts';
import { type Gateway, hasGateway } from '../upstream/gateway.ts';
import { eachGateway } from '../upstream/several.ts';
import type { CorpusInfo } from './contract.ts';

/** `examples`: their ids; all of the corpus without them. */
export const forgetAdapters = async (
  gateway: Gateway,
  { tenant, space }: Pick<CorpusInfo, 'tenant' | 'space'>,
  examples?: readonly string[],
): Promise<void> => {
  if (!hasGateway(gateway) || !gateway.GATEWAY_SECRET) return;
  // of very many, most adapters of the corpus hold one anyway
  const named = examples === undefined || examples.length > MAX_FORGOTTEN ? {} : { examples: [...examples] };
  const told = async (one: Gateway, name?: string): Promise<void> => {
    try {
      await gatewayForget(one, { tenant, origin: space, ...named }, new AbortController().signal);
    } catch (error) {
      tellProblem(`telling the gateway${name === undefined ? '' : ` '${name}'`} that examples are gone`, error);
    }
  };
  try {
    await Promise.all(eachGateway(gateway).map((one) => told(one.gateway, one.name)));
  } catch (error) {
    // GATEWAYS itself is wrong
    tellProblem('telling the gateways that examples are gone', error);
  }
};
