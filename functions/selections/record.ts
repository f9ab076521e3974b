// A selection as it is kept: the bytes of its answer, and what they rest on.
import type { Standing } from '../corpora/contract.ts';
import { toBase64Url } from '../vectors/base64.ts';

/** One corpus that was selected from, as it was then. */
export interface Source {
  readonly corpus: string;
  readonly space: string;
  readonly version: string;
  /** Whether the index showed this version for certain. */
  readonly settled: boolean;
  readonly picks: readonly Standing[];
}

export interface Kept {
  readonly etag: string;
  /** The answer's JSON. */
  readonly body: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  /** None for candidates that the caller sent. */
  readonly sources: readonly Source[];
  /** Why it cannot be served any more; its body is empty then. */
  readonly gone?: string;
}

const ID_BYTES = 18;
const SHAPE = /^sel_[A-Za-z0-9_-]{24}$/;

/** 144 random bits. */
export const newSelectionId = (): string => `sel_${toBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)))}`;

export const isSelectionId = (id: string): boolean => SHAPE.test(id);
