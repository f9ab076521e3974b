// No embedder at all: callers send vectors, and a text that has none is refused with this reason.
import { FaultError } from '../../wire/faults.ts';
import type { Embedder } from './embedder.ts';

export const noEmbedder = (dimensions: number): Embedder => ({
  name: 'none',
  dimensions,
  embed: async () => {
    throw new FaultError({ kind: 'not_configured', what: 'an embedder (send vectors instead of text)' });
  },
});
