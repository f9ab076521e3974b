// The nonces of requests with a genuine signature, remembered until their time would be refused anyway; strangers cannot
// fill this memory, since theirs is not genuine. Kept by the second in which they were signed, so that what has run out is
// dropped whole and a nonce signed ahead holds back nothing else. Full memory refuses newcomers and says that it is full:
// it neither forgets a nonce that could be replayed nor calls a new one used.
import { MAX_NONCES, SIGNATURE_WINDOW_S } from '../wire/limits.ts';

/** `stale`: signed at a time whose nonces are forgotten, which passes the time check only if this clock was set back. */
export type Admission = 'new' | 'used' | 'stale' | 'full';

/** 16 bytes instead of 32 characters; and no longer a slice of the header, which it would keep alive. */
const packed = (nonce: string): string => Buffer.from(nonce, 'hex').toString('latin1');

export class NonceMemory {
  readonly limit: number;
  readonly #bySecond = new Map<number, Set<string>>();
  #size = 0;
  /** Nonces signed before this second are forgotten. */
  #since = Number.NEGATIVE_INFINITY;

  constructor(limit = MAX_NONCES) {
    this.limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the nonce (hex) of a request signed at `time`; both times in Unix seconds. */
  admit(nonce: string, time: number, nowS: number): Admission {
    this.#forget(nowS);
    if (time < this.#since) return 'stale';
    const key = packed(nonce);
    const signedThen = this.#bySecond.get(time) ?? new Set();
    if (signedThen.has(key)) return 'used';
    if (this.#size >= this.limit) return 'full';
    signedThen.add(key);
    this.#bySecond.set(time, signedThen);
    this.#size += 1;
    return 'new';
  }

  /** Whole seconds until a full memory has room again. */
  roomInS(nowS: number): number {
    const oldest = Math.min(...this.#bySecond.keys());
    return Math.min(2 * SIGNATURE_WINDOW_S, Math.max(1, oldest + SIGNATURE_WINDOW_S + 1 - nowS));
  }

  #forget(nowS: number): void {
    const since = nowS - SIGNATURE_WINDOW_S;
    if (since <= this.#since) return;
    this.#since = since;
    for (const [second, nonces] of this.#bySecond) {
      if (second >= since) continue;
      this.#bySecond.delete(second);
      this.#size -= nonces.size;
    }
  }
}
