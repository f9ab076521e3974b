// What an isolate remembers for a while, at most so many entries: the one not used for longest goes first.
// An entry out of date still says that its name was known (`knew`), and stays until it is forgotten or displaced.

export class Remembered<Value> {
  readonly #most: number;
  readonly #forMs: number;
  readonly #now: () => number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  constructor(most: number, forMs: number, now: () => number = () => Date.now()) {
    this.#most = most;
    this.#forMs = forMs;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, if it is not out of date. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.until > this.#now() ? entry.value : undefined;
  }

  /** Whether there is a value, up to date or not. */
  knew(key: string): boolean {
    return this.#entries.has(key);
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: this.#now() + this.#forMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#most && oldest !== undefined) this.#entries.delete(oldest);
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}
