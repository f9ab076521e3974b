// What another server sends, read with a cap and a clock on every wait. Leaving early for whatever reason ends the source.
import { concat } from '../../wire/body.ts';
import { FaultError } from '../../wire/faults.ts';
import type { Patience } from './deadline.ts';

/** Bytes as they come. Only waiting counts, not our reader. */
export async function* pieces(
  source: ReadableStream<Uint8Array>,
  patience: Patience,
  idleMs: number,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = source.getReader();
  let finished = false;
  try {
    while (true) {
      const { value, done } = await patience.wait(reader.read(), idleMs, 'idle');
      if (done) break;
      yield value;
    }
    finished = true;
  } finally {
    if (!finished) void reader.cancel().catch(() => {});
  }
}

const tooLarge = (limit: number): FaultError =>
  new FaultError({ kind: 'gateway_unreachable', message: `its answer is larger than ${limit} bytes` });

/** A whole body, or the fault as soon as it is known to be over the limit; the rest is not read. */
export const readUpTo = async (
  response: Response,
  limit: number,
  patience: Patience,
  idleMs: number,
): Promise<Uint8Array<ArrayBuffer>> => {
  if (Number(response.headers.get('content-length') ?? 0) > limit) throw tooLarge(limit);
  if (response.body === null) return new Uint8Array(0);
  const held: Uint8Array[] = [];
  let total = 0;
  for await (const piece of pieces(response.body, patience, idleMs)) {
    total += piece.byteLength;
    if (total > limit) throw tooLarge(limit);
    held.push(piece);
  }
  return concat(held, total);
};
