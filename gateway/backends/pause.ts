// Waiting, as long as somebody still wants it, and no longer.

/** Resolves after so many milliseconds; rejects with the signal's reason. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', aborted);
      resolve();
    }, ms);
    signal.addEventListener('abort', aborted, { once: true });
  });

/** The work's result, or the signal's reason as soon as it is aborted; the work then goes on by itself. */
export const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  work.catch(() => {});
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => {});
  const aborted = (): void => gone.reject(signal.reason);
  signal.addEventListener('abort', aborted, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, gone.promise]);
  } finally {
    signal.removeEventListener('abort', aborted);
  }
};

/** Waits for work that may fail, but no longer than this. */
export const upTo = async (ms: number, work: Promise<unknown>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
};
