// What the gateway has made of examples that were deleted or replaced goes too. Best effort: a gateway that cannot be told is
// no reason to fail a deletion, and keeps an adapter for ADAPTER_TTL_MS at most.
import { MAX_FORGOTTEN } from '../../wire/limits.ts';
import { tellProblem } from '../observe/tell.ts';
import { type Gateway, gatewayForget } from '../upstream/client.ts';
import type { CorpusInfo } from './contract.ts';

/** `examples`: their ids; all of the corpus without them. */
export const forgetAdapters = async (
  gateway: Gateway,
  { tenant, space }: Pick<CorpusInfo, 'tenant' | 'space'>,
  examples?: readonly string[],
): Promise<void> => {
  if (!gateway.GATEWAY_URL || !gateway.GATEWAY_SECRET) return;
  // of very many, most adapters of the corpus hold one anyway
  const named = examples === undefined || examples.length > MAX_FORGOTTEN ? {} : { examples: [...examples] };
  try {
    await gatewayForget(gateway, { tenant, origin: space, ...named }, new AbortController().signal);
  } catch (error) {
    tellProblem('telling the gateway that examples are gone', error);
  }
};
