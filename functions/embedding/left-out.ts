// In place of onnx.ts in the Worker without the bundled embedder: neither model, tokenizer nor runtime is uploaded. A build
// takes it by naming it as the alias of './onnx.ts' (docs/deploy.md).
import { FaultError } from '../../wire/faults.ts';
import type { Embedder } from './embedder.ts';

export const onnxEmbedder = (): Embedder => {
  throw new FaultError({
    kind: 'not_configured',
    what: "the bundled embedder, which this build leaves out (EMBEDDER must be 'workers-ai' or 'none')",
  });
};
