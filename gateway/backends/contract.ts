// The small interface behind which every way of tuning and generating sits: the embedded CPU engine, and a
// client for GPU servers (Tinker). One session serves one prompt: it starts from the base weights and leaves no trace.
// Implementations throw FaultError (kind 'backend', 'context_length' for a prompt that leaves no room, 'cancelled' or
// 'deadline'); they never swallow an abort.

import type { Trail } from '../../wire/trace.ts';
import type { Message } from '../../wire/tune/requests.ts';
import type { TokenLogprob } from '../../wire/tune/responses.ts';

export type Method = 'full' | 'lora';

export interface Model {
  /** The name a caller uses. */
  readonly id: string;
  /** Tokens of context. */
  readonly contextTokens: number;
  readonly parameters: number;
  /** Changes whenever configuration or weights do; what was made of one revision is of no use for another. */
  readonly revision: string;
  /** Whether conversations are written by the checkpoint's own template. */
  readonly chat: 'own' | 'plain';
  readonly capabilities: Capabilities;
  readonly defaults: TuningDefaults;
}

/** How a model is tuned where a request leaves it to the server: measured for it, or by its size. */
export interface TuningDefaults {
  readonly method: Method;
  /** Of LoRA. */
  readonly rank: number;
  readonly learningRate: Readonly<Record<Method, number>>;
  /** `given`: on the server's command line; `measured`: on text, for this model; `size`: a rule for models of its size. */
  readonly from: 'given' | 'measured' | 'size';
}

/** What a model can be asked; the gateway refuses the rest before a place in the queue is taken. */
export interface Capabilities {
  readonly methods: readonly Method[];
  /** The highest rank of LoRA. */
  readonly maxRank: number;
  /** Whether it can say how probable each generated token was. */
  readonly logprobs: boolean;
  /** How many of the likeliest tokens it can tell beside each. */
  readonly topLogprobs: number;
  /** Whether tokens can be made less likely for having been generated before. */
  readonly penalties: boolean;
  /** Whether generation comes token by token; otherwise it comes whole. */
  readonly streaming: boolean;
  /** Whether steps and losses are asked for all at once: the first one then waits for others' too, and some come together. */
  readonly pipelined: boolean;
}

export interface OpenOptions {
  readonly model: string;
  readonly method: Method;
  /** LoRA rank; ignored by full fine-tuning. */
  readonly rank: number;
  /** Adam, with the usual names. Learning rate per step. */
  readonly optimiser: Adam;
  readonly seed: number;
  /** Weights that the session will most likely resume: a backend of several machines opens it where they are. */
  readonly from?: KeptWeights;
  /** On whose behalf, where a backend shares its own work among tenants. */
  readonly tenant?: string;
  /** Headers by which another machine's log knows the request. */
  readonly trail?: Trail;
  /** Recompute the gradient of a repeated example only on its odd steps (1st, 3rd, …), reuse it on the even ones. */
  readonly reuseGradients: boolean;
}

export interface Adam {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export interface Step {
  /** Mean cross-entropy of the example before the step, in nats per token. */
  readonly loss: number;
  readonly tokens: number;
  /** The example was longer than a step takes; `tokens` of its beginning were used. */
  readonly truncated: boolean;
  readonly ms: number;
  /** The gradient came from an earlier step on the same example. */
  readonly reused: boolean;
}

/** What is read before generation: a text, a conversation, which the model's template writes, or ids of `cut`. */
export type Prompt = string | { readonly messages: readonly Message[] } | { readonly ids: readonly number[] };

/** The end of a prompt that was too long. */
export interface Cut {
  readonly prompt: Prompt;
  readonly kept: number;
  /** Tokens of the whole, less those that were kept. */
  readonly dropped: number;
}

export interface Sampling {
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0 is no limit. */
  readonly topK: number;
  readonly stop: readonly string[];
  readonly seed: number;
  /** So many alternatives are told beside each token; 0: the token alone. Absent: nothing is told. */
  readonly logprobs?: number;
  /** Taken off the logit of each token generated before, and as often as it was. */
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Further samples of the same prompt follow: what was read of it may be kept. */
  readonly moreFollow?: boolean;
}

/** A piece of text that is final: no byte of it will be taken back by a stop string or a split UTF-8 sequence. */
export interface Piece {
  /** Empty only where logprobs are told of tokens that have no text. */
  readonly text: string;
  /** Tokens generated so far. */
  readonly tokens: number;
  /** Of the tokens since the piece before; of the model's own distribution, before penalties and temperature. */
  readonly logprobs?: readonly TokenLogprob[];
}

export type FinishReason = 'stop' | 'length';

export interface Generation {
  readonly finishReason: FinishReason;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Score {
  /** −log2 p(text | context), summed. */
  readonly bits: number;
  /** UTF-8 bytes of the text; bits per byte = bits / bytes. */
  readonly bytes: number;
  readonly tokens: number;
}

/** Weights that steps have made, kept beyond their session: opaque to all but the backend that made them. */
export interface KeptWeights {
  /** That they take in the gateway's process; 0 where they are kept elsewhere, within bounds of that place. */
  readonly bytes: number;
}

/** How a session's weights outlive it. */
export interface Keeping {
  /** A copy of the weights as they are now; undefined where it would take more bytes than these, or there is no room. */
  keep(maxBytes: number, signal: AbortSignal): Promise<KeptWeights | undefined>;
  /**
   * The session becomes as the one that the weights were kept from was then, but for the optimiser's moments. Only for a
   * session of the same model, method and rank that has made no step. False: they are gone, and nothing has changed.
   */
  resume(kept: KeptWeights, signal: AbortSignal): Promise<boolean>;
}

export interface Session {
  /**
   * Throws 'context_length' for a prompt that leaves no room to generate, and 'bad_field' for a conversation that the
   * model's template does not take: asked before any step is paid for.
   */
  check(prompt: Prompt, signal: AbortSignal): Promise<void>;
  /**
   * How many tokens each prompt has: what the tokenizer puts around it included, so that one of fewer tokens than the
   * context leaves room to generate. Weights play no part. A prompt may be longer than the context.
   */
  count(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly number[]>;
  /**
   * The end of a prompt, of at most so many tokens: of a text its last ones; of a conversation the system message and the
   * last turns that fit whole, or of the last one its end. Throws 'context_length' where not even that fits.
   */
  cut(prompt: Prompt, most: number, signal: AbortSignal): Promise<Cut>;
  /**
   * One gradient step on each example, in order; a step is yielded once it is done. A backend may submit them all at once.
   * Leaving the loop early ends the rest.
   */
  train(examples: readonly string[], signal: AbortSignal): AsyncIterable<Step>;
  /**
   * The loss of each example under the session's weights as they are now, in nats per token, in order. One forward pass
   * each; no weight changes. A text is cut as `train` cuts it, so that the two losses are of the same tokens.
   */
  losses(examples: readonly string[], signal: AbortSignal): AsyncIterable<number>;
  /** Undoes every step: afterwards the session is as one that was opened anew at this learning rate. */
  restart(learningRate: number, signal: AbortSignal): Promise<void>;
  /** Pieces as they come; the generator's return value says why and how much. One at a time, but where work is pipelined. */
  generate(prompt: Prompt, sampling: Sampling, signal: AbortSignal): AsyncGenerator<Piece, Generation, void>;
  /** Bits of `text` given `context` (which may be empty) under the session's weights. */
  score(context: string, text: string, signal: AbortSignal): Promise<Score>;
  /** Absent where a session's weights end with it. */
  readonly keeping?: Keeping;
  /** Frees everything but what was kept; safe to call twice, and during a step. The gateway waits a limited time only. */
  close(): Promise<void>;
}

export interface Backend {
  readonly models: readonly Model[];
  /** Sessions that run at once; the gateway queues the rest. */
  readonly concurrency: number;
  open(options: OpenOptions, signal: AbortSignal): Promise<Session>;
  /** Whether anything that it works on answers now; absent where that is this process. */
  isWell?(): boolean;
  /** Nobody will resume these weights any more. Absent where nothing has to be done for it. */
  release?(kept: KeptWeights): void;
  close(): Promise<void>;
}
