// Every command of `sift-edge`, in the order of its help.
import { chat } from './chat.ts';
import type { Command } from './command.ts';
import { complete } from './complete.ts';
import { completion } from './completion.ts';
import { corpora } from './corpora.ts';
import { deploy } from './deploy.ts';
import { destroy } from './destroy.ts';
import { doctor } from './doctor.ts';
import { ingest } from './ingest.ts';
import { keys } from './keys.ts';
import { bench, evaluate } from './pass-through.ts';
import { score } from './score.ts';
import { select } from './select.ts';
import { serve } from './serve.ts';

export const COMMANDS: readonly Command[] = [
  serve,
  ingest,
  select,
  complete,
  chat,
  score,
  corpora,
  keys,
  evaluate,
  bench,
  deploy,
  destroy,
  doctor,
  completion,
];
