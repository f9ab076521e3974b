// What the gateway has made of examples that were deleted or replaced goes too. Best effort: a gateway that cannot be told is
// no reason to fail a deletion, and keeps an adapter for ADAPTER_TTL_MS at most.
import type { ResultLine } from '../../wire/api/corpora.ts';
import { MAX_FORGOTTEN } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import type { Env } from '../env.ts';
import { gatewayForget } from '../upstream/client.ts';
import type { CorpusInfo } from './contract.ts';
import { forgetCorpusInfo } from './store.ts';

/** `examples`: their ids; all of the corpus without them. */
export const forgetAdapters = async (
  env: Env,
  { tenant, space }: Pick<CorpusInfo, 'tenant' | 'space'>,
  examples?: readonly string[],
): Promise<void> => {
  if (!env.GATEWAY_URL || !env.GATEWAY_SECRET) return;
  // of very many, most adapters of the corpus hold one anyway
  const named = examples === undefined || examples.length > MAX_FORGOTTEN ? {} : { examples: [...examples] };
  try {
    await gatewayForget(env, { tenant, origin: space, ...named }, new AbortController().signal);
  } catch (error) {
    console.error('the gateway could not be told that examples are gone:', messageOf(error));
  }
};

/** The results of an upload as they come; at its end what was made of replaced examples is forgotten. */
export async function* forgettingReplaced(
  env: Env,
  info: CorpusInfo,
  results: AsyncGenerator<ResultLine[], void, void>,
): AsyncGenerator<ResultLine[], void, void> {
  const replaced: string[] = [];
  try {
    for await (const lines of results) {
      for (const { status, id } of lines) if (status === 'updated' && id !== null) replaced.push(id);
      yield lines;
    }
  } finally {
    // this isolate's next selection knows the corpus' new version
    forgetCorpusInfo(info.tenant, info.name);
    if (replaced.length > 0) await forgetAdapters(env, info, replaced);
  }
}
