// The flags that several commands share: how a model is tuned where nobody says otherwise, on how many cores, and how long
// a request may take. Parsed once, with the flag, its value and the limit in every refusal.
import type { GivenDefaults } from '../gateway/given.ts';
import { MAX_DEADLINE_MS, MAX_RANK, MAX_THREADS, MAX_WORKERS, MIN_LEARNING_RATE } from '../wire/limits.ts';
import { UsageError, whole } from './arguments.ts';

const text = { type: 'string' } as const;

export const TUNING_FLAGS = { 'learning-rate': text, method: text, rank: text } as const;
export const MACHINE_FLAGS = { workers: text, threads: text, deadline: text } as const;

type Texts<Flags> = { readonly [Flag in keyof Flags]?: string | undefined };

export const learningRate = (flag: string, value: string): number => {
  const rate = Number(value);
  if (value.trim() !== '' && rate >= MIN_LEARNING_RATE && rate <= 1) return rate;
  throw new UsageError(`${flag} has '${value}', a learning rate is from ${MIN_LEARNING_RATE} to 1`);
};

/** Only what was given. */
export const tuningOf = (texts: Texts<typeof TUNING_FLAGS>): GivenDefaults => {
  const { method, rank, 'learning-rate': rate } = texts;
  if (method !== undefined && method !== 'full' && method !== 'lora') {
    throw new UsageError(`--method is '${method}', it must be full or lora`);
  }
  if (rank !== undefined && method === 'full') {
    throw new UsageError(`--rank ${rank} is of LoRA, it cannot go with --method full`);
  }
  return {
    ...(method === undefined ? {} : { method }),
    ...(rank === undefined ? {} : { rank: whole('rank', rank, 1, MAX_RANK) }),
    ...(rate === undefined ? {} : { learningRate: learningRate('--learning-rate', rate) }),
  };
};

export interface Machine {
  /** Absent: by the machine's cores. */
  readonly workers?: number;
  readonly threads?: number;
  /** Absent: the gateway's own. */
  readonly deadlineMs?: number;
}

const seconds = (name: string, value: string): number => {
  const most = MAX_DEADLINE_MS / 1000;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= most) return 1000 * number;
  throw new UsageError(`${name} is '${value}', it must be a whole number of seconds from 1 to ${most}`);
};

/** The flag, or else the variable SIFT_DEADLINE; undefined without either. */
export const deadlineOf = (flag: string | undefined, variable: string | undefined): number | undefined => {
  if (flag !== undefined) return seconds('--deadline', flag);
  return variable === undefined || variable === '' ? undefined : seconds('SIFT_DEADLINE', variable);
};

/** What was given on this command line, and the deadline of the variable. */
export const machineOf = (
  { workers, threads, deadline }: Texts<typeof MACHINE_FLAGS>,
  variable = process.env.SIFT_DEADLINE,
): Machine => {
  const deadlineMs = deadlineOf(deadline, variable);
  return {
    ...(workers === undefined ? {} : { workers: whole('workers', workers, 1, MAX_WORKERS) }),
    ...(threads === undefined ? {} : { threads: whole('threads', threads, 1, MAX_THREADS) }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
};
