// How long another server may keep us waiting: for its first byte, and between any two. Every timer ends with its wait.
import { FaultError } from '../../wire/faults.ts';

/** The work's result, or gateway_timeout after so many milliseconds; `abort` then ends the work itself. */
export const firstByte = async <T>(work: Promise<T>, afterMs: number, abort: () => void): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new FaultError({ kind: 'gateway_timeout', stage: 'first byte', afterMs }));
      abort();
    }, afterMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
};

const nextOf = async (
  reader: ReadableStreamDefaultReader<Uint8Array>,
  afterMs: number,
): Promise<Uint8Array | undefined> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new FaultError({ kind: 'gateway_timeout', stage: 'idle', afterMs })), afterMs);
  });
  try {
    return (await Promise.race([reader.read(), late])).value;
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
};

/** Bytes as they come; gateway_timeout when none came for so many milliseconds. Only waiting counts, not our reader. */
export async function* untilIdle(
  source: ReadableStream<Uint8Array>,
  afterMs: number,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = source.getReader();
  let finished = false;
  try {
    for (let bytes = await nextOf(reader, afterMs); bytes !== undefined; bytes = await nextOf(reader, afterMs)) {
      yield bytes;
    }
    finished = true;
  } finally {
    // leaving early for whatever reason ends the source too
    if (!finished) void reader.cancel().catch(() => {});
  }
}
