// Everything that `npm start` runs, on free ports and with a state of its own: what the fuzzer and the soak send requests to.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embedderFiles } from '../local/embedder.ts';
import { type Stack, startStack } from '../local/stack.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

export interface TestStack extends Stack {
  /** The directory of what is stored. */
  readonly state: string;
  /** Ends it and removes its state. */
  end(): Promise<void>;
}

export const startTestStack = async (): Promise<TestStack> => {
  const state = await mkdtemp(join(tmpdir(), 'sift-stack-'));
  const embedder = await embedderFiles(join(ROOT, 'models/embedder'));
  const ports = { port: 0, gatewayPort: 0 };
  const stack = await startStack({ root: ROOT, state, model: 'models/base', embedder, ...ports, defaultCorpus: '' });
  return {
    ...stack,
    state,
    end: async () => {
      await stack.close();
      await rm(state, { recursive: true, force: true });
    },
  };
};
