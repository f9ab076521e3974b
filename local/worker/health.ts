// Whether what the edge keeps on this machine can still be read and written: asked by GET /health, of every kind of store.
// A store that is only busy (an upload is being indexed) is not a broken one: past HEALTH_WAIT_MS the last answer stands.

import type { Env } from '../../functions/env.ts';
import { HEALTH_WAIT_MS } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';

const PROBE = 'health';

const check = async (env: Env): Promise<string | undefined> => {
  const probes: readonly [string, () => Promise<unknown>][] = [
    ['the vector index cannot be read', () => env.VECTORIZE.describe()],
    ['the list of corpora cannot be read', async () => env.CORPORA.getByName(PROBE).page('', 1)],
    ['texts cannot be written', () => env.TEXTS.put(PROBE, '')],
  ];
  const problems = await Promise.all(
    probes.map(([what, ask]) =>
      ask().then(
        () => undefined,
        (error: unknown) => `${what}: ${messageOf(error)}`,
      ),
    ),
  );
  return problems.find((problem) => problem !== undefined);
};

let last: string | undefined;
let checking: Promise<void> | undefined;

/** What is wrong with the stores, as a sentence; undefined when nothing is. */
export const storageProblem = async (env: Env, ctx: ExecutionContext): Promise<string | undefined> => {
  checking ??= check(env)
    .then((problem) => {
      last = problem;
    })
    .finally(() => {
      checking = undefined;
    });
  ctx.waitUntil(checking);
  const waited = new Promise<void>((resolve) => setTimeout(resolve, HEALTH_WAIT_MS));
  await Promise.race([checking, waited]);
  return last;
};
