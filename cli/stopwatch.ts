// Milliseconds of named stages, for a report.
export interface Stopwatch {
  readonly ms: Readonly<Record<string, number>>;
  time<T>(stage: string, work: () => Promise<T>): Promise<T>;
}

export const stopwatch = (): Stopwatch => {
  const ms: Record<string, number> = {};
  return {
    ms,
    async time(stage, work) {
      const started = performance.now();
      const result = await work();
      ms[stage] = performance.now() - started;
      return result;
    },
  };
};
