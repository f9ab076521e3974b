// The backends behind one gateway: which of them serves a model, and whether that model can do what a request asks.
// A model's name belongs to one backend; two that claim it are an error at start, not a matter of order.
import { type Fault, fail, ok, type Result } from '../../wire/faults.ts';
import { MAX_TOLD } from '../../wire/limits.ts';
import { type SamplingOptions, type ScoreRequest, type TuneRequest, tunedOn } from '../../wire/tune/requests.ts';
import { mostNewTokens } from '../prompt.ts';
import { resolveTuning } from '../tuning.ts';
import type { Backend, Model } from './contract.ts';

export interface Hosted {
  /** The backend's name, as operators know it: it stands in metrics and logs. */
  readonly name: string;
  readonly backend: Backend;
}

export interface Registry {
  readonly backends: readonly Hosted[];
  readonly models: readonly Model[];
  /** The model of this name and who serves it, or unknown_model with all names there are. */
  find(id: string): Result<Hosted & { readonly model: Model }>;
}

/** Closes all of them; resolves when each has. */
export const closeAll = async (backends: Iterable<Backend>): Promise<void> => {
  await Promise.all(Array.from(backends, (backend) => backend.close()));
};

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Throws if two backends have the same model, or a backend's name is not fit for metrics. */
export const createRegistry = (backends: Readonly<Record<string, Backend>>): Registry => {
  const hosted = Object.entries(backends).map(([name, backend]) => ({ name, backend }));
  const byModel = new Map<string, Hosted & { readonly model: Model }>();
  for (const { name, backend } of hosted) {
    if (!NAME.test(name)) throw new Error(`a backend is named '${name}'; it must match ${NAME.source}`);
    for (const model of backend.models) {
      const other = byModel.get(model.id);
      if (other !== undefined) {
        const who =
          other.name === name
            ? `backend '${name}' has two models`
            : `backends '${other.name}' and '${name}' both have a model`;
        throw new Error(`${who} named '${model.id}'`);
      }
      byModel.set(model.id, { name, backend, model });
    }
  }
  const models = Array.from(byModel.values(), ({ model }) => model);
  return {
    backends: hosted,
    models,
    find: (id) => {
      const found = byModel.get(id);
      if (found !== undefined) return ok(found);
      return fail({ kind: 'unknown_model', model: id, known: models.map((model) => model.id) });
    },
  };
};

/** The registry of a gateway with one backend. */
export const registryOf = (backend: Backend, name = 'embedded'): Registry => createRegistry({ [name]: backend });

const bad = (param: string, message: string): Fault => ({ kind: 'bad_field', param, message });

/** What its answers are to be, or to tell. */
const beyondSampling = ({ id, contextTokens, capabilities }: Model, sampling: SamplingOptions): Fault | undefined => {
  const { logprobs, presence_penalty, frequency_penalty } = sampling;
  const { topLogprobs } = capabilities;
  if (logprobs !== null && !capabilities.logprobs) {
    return bad('sampling.logprobs', `model '${id}' cannot tell log-probabilities`);
  }
  if (logprobs !== null && logprobs > topLogprobs) {
    const told = topLogprobs === 0 ? 'tells those of the generated tokens alone (0)' : `has at most ${topLogprobs}`;
    return bad('sampling.logprobs', `is ${logprobs}; model '${id}' ${told}`);
  }
  const told = sampling.n * mostNewTokens(sampling, contextTokens) * (1 + (logprobs ?? -1));
  if (told > MAX_TOLD) {
    const all = `n × max_tokens × (logprobs + 1) is ${told}, the limit is ${MAX_TOLD}`;
    return bad('sampling.logprobs', `is ${logprobs}: ${all}; ask for fewer or for a smaller max_tokens`);
  }
  for (const [name, value] of Object.entries({ presence_penalty, frequency_penalty })) {
    if (value !== 0 && !capabilities.penalties)
      return bad(`sampling.${name}`, `is ${value}; model '${id}' has no penalties`);
  }
  return undefined;
};

/** What a request asks that its model cannot do. */
export const beyondModel = (model: Model, request: TuneRequest | ScoreRequest): Fault | undefined => {
  const { id, capabilities } = model;
  const { methods, maxRank } = capabilities;
  const sampling = 'sampling' in request ? beyondSampling(model, request.sampling) : undefined;
  if (sampling !== undefined) return sampling;
  if (tunedOn(request).length === 0) return undefined;
  const { method, rank } = resolveTuning(model, request);
  if (!methods.includes(method)) {
    return bad('tuning.method', `is '${method}'; model '${id}' has: ${methods.join(', ') || 'no method of tuning'}`);
  }
  if (method === 'lora' && rank > maxRank) {
    return bad('tuning.rank', `is ${rank}, the limit of model '${id}' is ${maxRank}`);
  }
  return undefined;
};
