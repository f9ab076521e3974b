// Events of a stream on their way out. Those that come at once go out as one write, since each write is a packet and a wake of
// the reader; one that comes alone goes out in the same turn of the event loop. Who adds waits only while more than
// STREAM_PENDING_CHARACTERS are on their way: a reader that goes slowly slows the work, and one that has stopped is noticed.
import { STREAM_PENDING_CHARACTERS } from '../../wire/limits.ts';

export interface Outbox {
  /** Resolves at once while there is room, otherwise when all was written. */
  add(text: string): Promise<void>;
  /** Resolves when all that was added is written; rejects when a write did. */
  all(): Promise<void>;
}

const ROOM = Promise.resolve();

export const outbox = (write: (text: string) => Promise<unknown>): Outbox => {
  let waiting = '';
  let writing: Promise<void> | undefined;
  let broken: { readonly error: unknown } | undefined;
  const flush = async (): Promise<void> => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      while (waiting !== '') {
        const text = waiting;
        waiting = '';
        await write(text);
      }
    } catch (error) {
      broken = { error };
      throw error;
    } finally {
      writing = undefined;
    }
  };
  const all = (): Promise<void> => {
    if (broken !== undefined) return Promise.reject(broken.error);
    if (waiting !== '' && writing === undefined) {
      writing = flush();
      writing.catch(() => {}); // told to whoever waits
    }
    return writing ?? ROOM;
  };
  return {
    add(text) {
      waiting += text;
      const written = all();
      return broken === undefined && waiting.length <= STREAM_PENDING_CHARACTERS ? ROOM : written;
    },
    all,
  };
};
