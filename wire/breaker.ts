// Whether a server gets new work: a GPU server of the gateway's, a gateway of the edge's. Closed: it does. After some
// failures in a row it opens: nothing is sent to it for a while, twice as long each time. Then it is half open: one look
// alone tells whether it closes. Pure but for the clock.
import { BREAKER_FAILURES, BREAKER_MAX_MS, BREAKER_MIN_MS } from './limits.ts';

export type BreakerState = 'closed' | 'open' | 'half open';

export class Breaker {
  readonly #now: () => number;
  readonly #most: number;
  #failures = 0;
  #openMs = BREAKER_MIN_MS;
  /** When a look may be taken; undefined: closed. */
  #lookAt: number | undefined;
  #looking = false;

  /** It opens at so many failures in a row. */
  constructor(now: () => number, failures = BREAKER_FAILURES) {
    this.#now = now;
    this.#most = failures;
  }

  get state(): BreakerState {
    if (this.#lookAt === undefined) return 'closed';
    return this.#looking || this.#now() >= this.#lookAt ? 'half open' : 'open';
  }

  /** Milliseconds until a look may be taken. */
  get waitMs(): number {
    return this.#lookAt === undefined ? 0 : Math.max(0, this.#lookAt - this.#now());
  }

  /** Takes the one look that a half-open breaker allows; whoever has it says how it went. */
  takeLook(): boolean {
    if (this.state !== 'half open' || this.#looking) return false;
    this.#looking = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openMs = BREAKER_MIN_MS;
    this.#lookAt = undefined;
    this.#looking = false;
  }

  failed(): void {
    this.#failures += 1;
    if (this.#lookAt === undefined && this.#failures < this.#most) return;
    // what was under way when it opened says nothing new
    if (this.#lookAt !== undefined && !this.#looking) return;
    this.#lookAt = this.#now() + this.#openMs;
    this.#openMs = Math.min(BREAKER_MAX_MS, 2 * this.#openMs);
    this.#looking = false;
  }
}
