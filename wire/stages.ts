// How long the stages of a request took, for its log line and the Server-Timing header.

/** Measures stages by the clock there is: in a Worker in production it stands still between I/O, so computing shows as 0. */
export class Stages {
  readonly timings: Record<string, number> = {};
  readonly #started = performance.now();
  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.add(name, performance.now() - started);
    }
  }
  /** A stage that was timed elsewhere. */
  add(name: string, ms: number): void {
    this.timings[name] = (this.timings[name] ?? 0) + ms;
  }
  /** Milliseconds since the request came. */
  elapsed(): number {
    return performance.now() - this.#started;
  }
  /** Notes how long all of it took until now. */
  end(): void {
    this.timings.total = this.elapsed();
  }
}

/** Stages as a Server-Timing header's value. */
export const serverTiming = (timings: Readonly<Record<string, number>>): string =>
  Object.entries(timings)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
    .join(', ');
