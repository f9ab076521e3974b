// A turn for everybody else. An isolate runs one thing at a time, and awaiting a promise that is already settled does not
// let go of it: only a timer (or other I/O) returns to the event loop, where other requests wait.
// An answer that somebody waits for takes many turns (each call of the index or a Durable Object is one), and between two of
// them an upload would do a slice of its work. So work in the background gives way: it stands still while such answers are
// being made in this isolate, but never longer than GIVE_WAY_TURNS for a slice, so that it gets on under any load.
import { GIVE_WAY_TURNS } from '../wire/limits.ts';

/** Answers being made that somebody waits for. */
let awaited = 0;

/** Lets the isolate's other requests run, then goes on. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Lets others run, and those that are waited for end, then goes on. */
export const giveWay = async (): Promise<void> => {
  await pause();
  for (let turn = 1; awaited > 0 && turn < GIVE_WAY_TURNS; turn++) await pause();
};

/** Work to which uploads give way. */
export const beforeUploads = async <T>(work: () => Promise<T>): Promise<T> => {
  awaited += 1;
  try {
    return await work();
  } finally {
    awaited -= 1;
  }
};
