// A compressed upload, unpacked while it is read. Only gzip: it is what clients make and what the platform unpacks. The limit
// is of the unpacked bytes, whatever the compressed ones are: a bomb ends at MAX_UPLOAD_BYTES. It is fed in pieces of
// UNPACK_BYTES, since the platform unpacks each piece as a whole, and a piece may grow a thousandfold.
import { FaultError } from '../../wire/faults.ts';
import { MAX_UPLOAD_BYTES, PREPARE_BYTES, UNPACK_BYTES } from '../../wire/limits.ts';
import { giveWay } from '../pause.ts';

async function* pieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  for await (const chunk of stream) {
    for (let from = 0; from < chunk.byteLength; from += UNPACK_BYTES) {
      // a copy: what is written to a transform may be detached
      yield chunk.slice(from, from + UNPACK_BYTES);
    }
  }
}

/** A stream over a generator; leaving it ends the generator. */
const streamOf = (source: AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>): ReadableStream<BufferSource> =>
  new ReadableStream({
    async pull(controller) {
      const next = await source.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await source.return();
    },
  });

async function* gunzip(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  let total = 0;
  let sincePause = 0;
  const source = streamOf(pieces(stream));
  const reader = source.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const next = await reader.read().catch((error: unknown) => {
        const message = `the gzip stream is broken, or breaks off, after ${total} unpacked bytes`;
        throw new FaultError({ kind: 'bad_json', message }, error);
      });
      if (next.done) return;
      total += next.value.byteLength;
      sincePause += next.value.byteLength;
      if (sincePause >= PREPARE_BYTES) {
        sincePause = 0;
        await giveWay();
      }
      if (total > MAX_UPLOAD_BYTES) {
        const got = `more than ${MAX_UPLOAD_BYTES} unpacked`;
        throw new FaultError({ kind: 'too_large', param: 'the upload', got, limit: MAX_UPLOAD_BYTES, unit: 'bytes' });
      }
      yield new Uint8Array(next.value);
    }
  } finally {
    await reader.cancel().catch(() => {}); // broken already
  }
}

/** The body's bytes as the lines are read from them; another encoding than gzip was refused before. */
export const unpacked = (body: ReadableStream<Uint8Array>, encoding: string): ReadableStream<Uint8Array> =>
  encoding === 'gzip' ? (streamOf(gunzip(body)) as ReadableStream<Uint8Array>) : body;
