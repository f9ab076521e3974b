// The embedder as the Worker imports it. `npm start -- --embedder DIR` puts another in the place of this file; for a
// deployment of your own replace the files it names. `external` lists weights that a model keeps beside itself, each
// {name, data}; `tokenizerConfig` is tokenizer_config.json, where there is one.
import config from './config.json' with { type: 'json' };
import model from './model.onnx';
import tokenizer from './tokenizer.json' with { type: 'json' };

export const embedder: {
  readonly config: unknown;
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
  readonly model: ArrayBuffer;
  readonly external: readonly { readonly name: string; readonly data: ArrayBuffer }[];
} = { config, tokenizer, tokenizerConfig: {}, model, external: [] };
