// GET /v1/models: every model of the gateway under two names, itself and itself tuned.
import type { Context } from 'hono';
import type { Authenticated } from '../auth/keys.ts';
import { gatewayModels } from '../upstream/client.ts';

export const modelsRoute = async (c: Context<Authenticated>) => {
  const models = await gatewayModels(c.env, c.req.raw.signal);
  return c.json({
    object: 'list',
    data: models
      .flatMap(({ id }) => [id, `${id}:sift`])
      .map((id) => ({ id, object: 'model', created: 0, owned_by: 'sift' })),
  });
};
