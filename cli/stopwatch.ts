// Milliseconds of named stages, for a report. A stage may be timed several times.
export interface Stopwatch {
  readonly times: ReadonlyMap<string, readonly number[]>;
  time<T>(stage: string, work: () => Promise<T>): Promise<T>;
}

export const stopwatch = (): Stopwatch => {
  const times = new Map<string, number[]>();
  return {
    times,
    async time(stage, work) {
      const started = performance.now();
      const result = await work();
      times.set(stage, [...(times.get(stage) ?? []), performance.now() - started]);
      return result;
    },
  };
};
