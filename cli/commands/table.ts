// Every command of `sift-edge`, in the order of its help.
import type { Command } from './command.ts';
import { corpora } from './corpora.ts';
import { ingest } from './ingest.ts';

export const COMMANDS: readonly Command[] = [ingest, corpora];
