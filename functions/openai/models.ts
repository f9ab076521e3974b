// GET /v1/models and /v1/models/NAME: every model of the gateway under two names, itself and itself tuned.
import type { Context } from 'hono';
import { type ModelOnWire, SIFT_SUFFIX } from '../../wire/api/model.ts';
import { FaultError } from '../../wire/faults.ts';
import type { Authenticated } from '../auth/principal.ts';
import { gatewayModels } from '../upstream/client.ts';

const modelsOf = async (c: Context<Authenticated>): Promise<ModelOnWire[]> => {
  const models = await gatewayModels(c.env, c.req.raw.signal);
  return models.flatMap(({ id, context_tokens, parameters, defaults }) =>
    [false, true].map((tuned) => ({
      id: tuned ? `${id}${SIFT_SUFFIX}` : id,
      object: 'model' as const,
      created: 0 as const,
      owned_by: 'sift' as const,
      context_window: context_tokens,
      parameters,
      tuned,
      defaults,
    })),
  );
};

export const modelsRoute = async (c: Context<Authenticated>) => c.json({ object: 'list', data: await modelsOf(c) });

/** A name may hold slashes, as `org/model` does. */
export const modelRoute = async (c: Context<Authenticated>) => {
  const name = c.req.param('name') ?? '';
  const models = await modelsOf(c);
  const model = models.find(({ id }) => id === name);
  if (model === undefined) {
    throw new FaultError({ kind: 'unknown_model', model: name, known: models.map(({ id }) => id) });
  }
  return c.json(model);
};
