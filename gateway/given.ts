// A backend whose models' tuning defaults can be changed while it serves: what the server's command line says, or what was
// measured after the start. A request that says `auto` from then on gets them; what a request says itself still wins.
import type { Backend, Method, Model, TuningDefaults } from './backends/contract.ts';

/** What is left out stays as it was. */
export interface GivenDefaults {
  readonly method?: Method;
  readonly rank?: number;
  /** Of the method named, or else of the one that the model has by default. */
  readonly learningRate?: number;
}

/** The defaults with some of them replaced. */
export const withGiven = (
  defaults: TuningDefaults,
  { method = defaults.method, rank = defaults.rank, learningRate }: GivenDefaults,
  from: TuningDefaults['from'],
): TuningDefaults => ({
  method,
  rank,
  learningRate:
    learningRate === undefined ? defaults.learningRate : { ...defaults.learningRate, [method]: learningRate },
  from,
});

export interface Adjustable {
  readonly backend: Backend;
  /** Of the model with this name. */
  defaultsOf(model: string): TuningDefaults;
  setDefaults(model: string, defaults: TuningDefaults): void;
}

export const adjustable = (backend: Backend): Adjustable => {
  const current = new Map(backend.models.map(({ id, defaults }) => [id, defaults]));
  const defaultsOf = (model: string): TuningDefaults => {
    const defaults = current.get(model);
    if (defaults === undefined) throw new Error(`no model '${model}'`);
    return defaults;
  };
  const models = backend.models.map(
    (model): Model => ({
      ...model,
      get defaults() {
        return defaultsOf(model.id);
      },
    }),
  );
  return {
    backend: {
      models,
      concurrency: backend.concurrency,
      open: (options, signal) => backend.open(options, signal),
      ...(backend.isWell === undefined ? {} : { isWell: () => backend.isWell?.() !== false }),
      ...(backend.release === undefined ? {} : { release: (kept) => backend.release?.(kept) }),
      close: () => backend.close(),
    },
    defaultsOf,
    setDefaults(model, defaults) {
      defaultsOf(model);
      current.set(model, defaults);
    },
  };
};
