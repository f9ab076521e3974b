// GET /v1/models and /v1/models/NAME: every model of the gateways under two names, itself and itself tuned, and the edge's own
// embedder, which is there without a gateway too.
import type { Context } from 'hono';
import { type ModelOnWire, SIFT_SUFFIX } from '../../wire/api/model.ts';
import { FaultError } from '../../wire/faults.ts';
import type { Authenticated } from '../auth/principal.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import type { Env } from '../env.ts';
import { gatewayModels } from '../upstream/client.ts';
import { hasGateway } from '../upstream/gateway.ts';
import { gatewayOf } from '../upstream/of.ts';

const COMMON = { object: 'model', created: 0, owned_by: 'sift' } as const;

const embedderOf = (env: Env): ModelOnWire[] => {
  if (env.EMBEDDER === 'none') return [];
  const { name, dimensions, window } = chooseEmbedder(env);
  return [{ id: name, ...COMMON, kind: 'embed', context_window: window ?? null, dimensions }];
};

const generatingOf = async (c: Context<Authenticated>): Promise<ModelOnWire[]> => {
  const models = await gatewayModels(gatewayOf(c), c.req.raw.signal);
  return models.flatMap(({ id, context_tokens, parameters, chat, max_logprobs, defaults, capabilities, gateways }) =>
    [false, true].map(
      (tuned): ModelOnWire => ({
        id: tuned ? `${id}${SIFT_SUFFIX}` : id,
        ...COMMON,
        kind: 'generate',
        context_window: context_tokens,
        parameters,
        tuned,
        chat: chat ?? null,
        methods: capabilities.methods,
        max_logprobs: capabilities.logprobs ? (max_logprobs ?? 0) : null,
        penalties: capabilities.penalties ?? false,
        defaults,
        ...(gateways === undefined ? {} : { gateways: [...gateways] }),
      }),
    ),
  );
};

const modelsOf = async (c: Context<Authenticated>): Promise<ModelOnWire[]> => {
  const own = embedderOf(c.env);
  return own.length > 0 && !hasGateway(c.env) ? own : [...(await generatingOf(c)), ...own];
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
