// The embedder in models/embedder, run inside workerd by onnxruntime-web's plain WASM provider: no service, no network.
// One session per isolate, made at the first use (about half a second, most of it compiling 14 MB of WASM).
// Trade-off: one thread; nothing else of the isolate runs during a run of the model. To use another model, replace the
// three files.
import runtime from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import * as ort from 'onnxruntime-web/wasm';
import { embedder as files } from '../../models/embedder/index.ts';
import { createEncoder, type Encoder } from '../../tokenizer/encoder.ts';
import { parseEmbedderConfig } from './config.ts';
import type { Embedder } from './embedder.ts';
import { sentenceEmbedder } from './sentence.ts';
import { type Session, sessionOver } from './session.ts';

const createSession = async (): Promise<ort.InferenceSession> => {
  ort.env.wasm.numThreads = 1;
  // an empty binary makes the library use the glue code in its bundle rather than fetch it
  ort.env.wasm.wasmBinary = new ArrayBuffer(0);
  // workerd forbids compiling bytes; the library instantiates by name, so for this moment it is handed the module instead
  const { instantiate } = WebAssembly;
  const precompiled = async (source: unknown, imports?: WebAssembly.Imports) =>
    source instanceof WebAssembly.Module
      ? instantiate(source, imports)
      : { module: runtime, instance: await instantiate(runtime, imports) };
  Object.assign(WebAssembly, { instantiate: precompiled });
  try {
    return await ort.InferenceSession.create(new Uint8Array(files.model), {
      executionProviders: ['wasm'],
      externalData: files.external.map(({ name, data }) => ({ path: name, data: new Uint8Array(data) })),
    });
  } finally {
    Object.assign(WebAssembly, { instantiate });
  }
};

let encoder: Encoder | undefined;
let session: Promise<Session> | undefined;

const ready = (): Promise<Session> => {
  session ??= createSession()
    .then((inner) => sessionOver(inner, ort.Tensor))
    .catch((error: unknown) => {
      session = undefined; // the next request tries again
      throw error;
    });
  return session;
};

let embedder: Embedder | undefined;

/** The isolate's embedder, made at the first use. */
export const onnxEmbedder = (): Embedder => {
  embedder ??= sentenceEmbedder(
    parseEmbedderConfig(files.config, 'models/embedder/config.json'),
    () => {
      encoder ??= createEncoder(files.tokenizer, files.tokenizerConfig);
      return encoder;
    },
    ready,
  );
  return embedder;
};
