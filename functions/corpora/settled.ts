// Whether the index shows all that the catalogue knows of a corpus. It shows writes later: a selection made right after one
// may be of the older index, so what is young proves nothing.
import { FaultError } from '../../wire/faults.ts';
import { DEFAULT_INDEX_SETTLE_S } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import type { Version } from './version.ts';

export const isSettled = (
  env: Pick<Env, 'INDEX_SETTLE_S'>,
  { changedAt }: Pick<Version, 'changedAt'>,
  now: number,
): boolean => {
  const seconds = Number(env.INDEX_SETTLE_S ?? DEFAULT_INDEX_SETTLE_S);
  if (!(seconds >= 0)) throw new FaultError({ kind: 'not_configured', what: 'INDEX_SETTLE_S (seconds, at least 0)' });
  return now - changedAt >= 1000 * seconds;
};
