// A turn for everybody else. An isolate runs one thing at a time, and awaiting a promise that is already settled does not
// let go of it: only a timer (or other I/O) returns to the event loop, where other requests wait.

/** Lets the isolate's other requests run, then goes on. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
