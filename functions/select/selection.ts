// A selection as the edge works with it: what was picked, what each pick does to the prompt's variance, and what the pool
// was. It knows no wire format; answer.ts says it on the wire.
import type { SelectionOptions } from '../../wire/api/select.ts';
import type { CallerMetadata } from '../corpora/record.ts';
import type { StopReason } from '../kernel/problem.ts';

export interface Pick {
  readonly id: string;
  /** Absent where the caller sent a candidate without text. */
  readonly text?: string | undefined;
  /** UTF-8 bytes of the text, where the corpus says. */
  readonly bytes?: number | undefined;
  /** Drop of the prompt's variance by this pick. */
  readonly gain: number;
  /** Inner product with the prompt, averaged over several. */
  readonly similarity: number;
  /** Their cosine less the corpus' mean, where the kernel sees that. */
  readonly centredSimilarity?: number | undefined;
  /** Posterior covariance with the prompt just before the pick. */
  readonly covariance: number;
  /** The prompt's remaining variance after the pick. */
  readonly variance: number;
  /** Share of what the pool could remove of the variance that is removed with this pick, 0 to 1; null: nothing could be. */
  readonly explained: number | null;
  /** Near copies it stands for. */
  readonly copies: number;
  readonly source?: string | undefined;
  readonly metadata?: CallerMetadata | undefined;
  /** Position in the candidates that the caller sent. */
  readonly index?: number | undefined;
  /** Fingerprint of the version that the index holds. */
  readonly hash?: string | undefined;
  /** Where it is from, of several corpora. */
  readonly corpus?: string | undefined;
}

export interface PoolFigures {
  readonly size: number;
  readonly collapsed: number;
  readonly queries: number;
  readonly rounds: number;
  /** Of a large pool: the best so many, which `explained` is measured on. */
  readonly measured?: number;
}

/** A corpus as it was when it was selected from. */
export interface SelectedFrom {
  readonly corpus: string;
  readonly space: string;
  readonly version: string;
  /** Whether the index showed this version for certain. */
  readonly settled: boolean;
}

export interface Selection {
  /** Where one corpus was selected from. */
  readonly corpus?: string | undefined;
  /** All that were selected from; none for candidates that the caller sent. */
  readonly corpora: readonly string[];
  /** The same as they were; absent where nobody asked the catalogue. */
  readonly sources?: readonly SelectedFrom[] | undefined;
  /** The one corpus' own random name, which no later corpus of the same name shares. */
  readonly space?: string | undefined;
  readonly strategy: SelectionOptions['strategy'];
  readonly n: number;
  /** λ as it was used. */
  readonly lambda: number;
  readonly degree: number;
  /** Whether the kernel sees vectors less the corpus' mean. */
  readonly centred: boolean;
  /** The least similarity as it was used; absent: none. */
  readonly minSimilarity?: number | undefined;
  readonly picks: readonly Pick[];
  readonly pool: PoolFigures;
  readonly initialVariance: number;
  readonly finalVariance: number;
  /** That of the last pick; 0 without picks. */
  readonly explained: number | null;
  readonly stop: StopReason;
  readonly warnings: readonly string[];
}
