// What reading.ts and its thread say to each other.
import type { Fault } from '../../../wire/faults.ts';
import type { Prompt } from '../contract.ts';
import type { ChatSource } from '../text/chat/source.ts';

export type Job =
  | { readonly do: 'prompt' | 'count'; readonly prompt: Prompt }
  | { readonly do: 'cut'; readonly prompt: Prompt; readonly most: number }
  | { readonly do: 'example'; readonly text: string; readonly most: number }
  | { readonly do: 'scored'; readonly context: string; readonly text: string };

export type Reply = { readonly id: number } & ({ readonly done: unknown } | { readonly fault: Fault });

export interface ReadingOptions {
  /** tokenizer.json and tokenizer_config.json, parsed. */
  readonly json: unknown;
  readonly settings: unknown;
  readonly rows: number;
  /** How it writes conversations; undefined: plainly. */
  readonly chat: ChatSource | undefined;
  /** Tokens of context. */
  readonly context: number;
  /** The token before the first one of a text. */
  readonly start: number;
}
