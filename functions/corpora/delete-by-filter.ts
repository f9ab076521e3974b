// POST /v1/corpora/NAME/delete: every example that a filter lets through, not only those that a query of the index would
// find. The catalogue is walked and each example's own source and metadata are looked at, so the answer is exact; examples
// that the index does not show yet cannot be judged, are left, and are counted as `late`.
// A request looks at DELETE_EXAMINED examples at most, since a Worker may call the index so often only: the answer's
// `next_cursor` is where the next request goes on. Repeating it is safe.
import type { Context } from 'hono';
import { deleteRequest } from '../../wire/api/examples.ts';
import type { Filter } from '../../wire/api/filter.ts';
import { FaultError } from '../../wire/faults.ts';
import { DELETE_EXAMINED, MAX_LINE_BYTES, WALK_ENTRIES } from '../../wire/limits.ts';
import type { Authenticated } from '../auth/principal.ts';
import type { Env } from '../env.ts';
import { readJson } from '../http/body.ts';
import { gatewayOf } from '../upstream/of.ts';
import type { CorpusInfo } from './contract.ts';
import { checkFilter, filterableOf } from './filterable.ts';
import { forgetAdapters } from './forget.ts';
import { matchesFilter } from './matches.ts';
import { removeEntries } from './remove.ts';
import { allowedCorpus, catalogueOfReached, listedCatalogue } from './store.ts';
import { storedOf } from './walk.ts';

interface Deleted {
  readonly ids: string[];
  examined: number;
  late: number;
  next: string | null;
}

const deleteFrom = async (
  env: Env,
  info: CorpusInfo,
  filter: Filter,
  after: string,
  signal: AbortSignal,
): Promise<Deleted> => {
  const properties = filterableOf(env, info);
  const catalogue = catalogueOfReached(env, info);
  const done: Deleted = { ids: [], examined: 0, late: 0, next: after };
  while (done.next !== null && done.examined < DELETE_EXAMINED && !signal.aborted) {
    const entries = (await catalogue.page(done.next, WALK_ENTRIES)) ?? [];
    const stored = await storedOf(env, entries);
    const hits = stored.flatMap((one) => {
      if (one === undefined) return [];
      const { source, meta } = one.record;
      const example = {
        ...(source === undefined ? {} : { source }),
        ...(meta === undefined ? {} : { metadata: meta }),
      };
      return matchesFilter(filter, properties, example) ? [one.entry] : [];
    });
    await removeEntries(env, info, hits);
    done.ids.push(...hits.map(({ id }) => id));
    done.examined += entries.length;
    done.late += stored.filter((one) => one === undefined).length;
    done.next = entries.length < WALK_ENTRIES ? null : (entries.at(-1)?.id ?? null);
  }
  return done;
};

export const deleteByFilterRoute = async (c: Context<Authenticated>) => {
  const { env } = c;
  const corpus = allowedCorpus(c.var.principal, c.req.param('corpus'));
  const { filter, cursor } = await readJson(c.req.raw, deleteRequest, MAX_LINE_BYTES);
  const info = await (await listedCatalogue(env, c.var.principal.tenant, corpus)).info();
  if (info === null) throw new FaultError({ kind: 'unknown_corpus', corpus });
  checkFilter(filter, filterableOf(env, info));
  const { ids, examined, late, next } = await deleteFrom(env, info, filter, cursor ?? '', c.req.raw.signal);
  if (ids.length > 0) await forgetAdapters(gatewayOf(c), info, ids);
  return c.json({ object: 'deletion', corpus, deleted: ids.length, examined, late, next_cursor: next });
};
