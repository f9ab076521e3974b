// How long the stages of a request took, for the Server-Timing header.

/** Measures stages by the clock there is: in production it stands still between I/O, so computing shows as 0. */
export class Stages {
  readonly timings: Record<string, number> = {};
  readonly #started = performance.now();
  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.timings[name] = (this.timings[name] ?? 0) + performance.now() - started;
    }
  }
  /** Notes how long all of it took until now. */
  end(): void {
    this.timings.total = performance.now() - this.#started;
  }
}

/** Stages as a Server-Timing header's value. */
export const serverTiming = (timings: Readonly<Record<string, number>>): string =>
  Object.entries(timings)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
    .join(', ');
