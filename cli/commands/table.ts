// Every command of `sift-edge`, in the order of its help.
import type { Command } from './command.ts';
import { corpora } from './corpora.ts';
import { deploy } from './deploy.ts';
import { destroy } from './destroy.ts';

export const COMMANDS: readonly Command[] = [corpora, deploy, destroy];
