// What a command races against where it waits for something that may never come, such as an input: its end by Ctrl-C.

/** Rejects, with the signal's reason, when the signal ends; nobody need listen. */
export const whenAborted = (signal: AbortSignal): Promise<never> => {
  const ended = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  ended.catch(() => {});
  return ended;
};
