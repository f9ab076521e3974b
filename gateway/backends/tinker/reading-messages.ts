// What reading.ts and its thread say to each other.
import type { Fault } from '../../../wire/faults.ts';

export type Job =
  | { readonly do: 'prompt' | 'count'; readonly text: string }
  | { readonly do: 'example'; readonly text: string; readonly most: number }
  | { readonly do: 'scored'; readonly context: string; readonly text: string };

export type Reply = { readonly id: number } & ({ readonly done: unknown } | { readonly fault: Fault });

export interface ReadingOptions {
  /** tokenizer.json and tokenizer_config.json, parsed. */
  readonly json: unknown;
  readonly settings: unknown;
  readonly rows: number;
  /** Tokens of context. */
  readonly context: number;
  /** The token before the first one of a text. */
  readonly start: number;
}
