// An upload: NDJSON in, one result line per input line out, in order, while the upload is still coming.
// Results not yet read are held up to RESULT_BUFFER_BYTES; beyond that the upload waits for its reader, so a client that
// sends everything before it reads anything must stay below that (some 80,000 lines). A blank line is an error line.
import { asFault, type Fault } from '../../wire/faults.ts';
import {
  INGEST_BATCH_BYTES,
  INGEST_BATCH_LINES,
  MAX_LINE_BYTES,
  MAX_UPLOAD_BYTES,
  RESULT_BUFFER_BYTES,
} from '../../wire/limits.ts';
import { lines } from '../http/body.ts';
import { errorResult, type LineResult, processBatch, type Upload } from './batch.ts';
import { type Prepared, prepareLine, type Refused } from './line.ts';

async function* results(upload: Upload, body: ReadableStream<Uint8Array>): AsyncGenerator<LineResult[], void, void> {
  let batch: (Prepared | Refused)[] = [];
  let held = 0;
  let total = 0;
  let last = 0;
  const flush = async (): Promise<LineResult[]> => {
    const done = batch;
    batch = [];
    held = 0;
    return done.length === 0 ? [] : processBatch(upload, done);
  };
  const refuseRest = (fault: Fault): LineResult[] => [errorResult(last + 1, null, fault)];
  try {
    for await (const line of lines(body, MAX_LINE_BYTES)) {
      const size = 'oversize' in line ? line.oversize : line.bytes.byteLength;
      total += size + 1;
      if (total > MAX_UPLOAD_BYTES) {
        yield await flush();
        const got = `more than ${MAX_UPLOAD_BYTES}`;
        const fault: Fault = { kind: 'too_large', param: 'the upload', got, limit: MAX_UPLOAD_BYTES, unit: 'bytes' };
        yield refuseRest({ ...fault, line: line.line });
        return;
      }
      last = line.line;
      batch.push(await prepareLine(line, upload.info));
      held += 'oversize' in line ? 0 : size;
      if (batch.length >= INGEST_BATCH_LINES || held >= INGEST_BATCH_BYTES) yield await flush();
    }
  } catch (error) {
    // the upload broke off: whole lines that came are still worked on, and the last result says why no more follow
    yield await flush();
    yield refuseRest(asFault(error));
    return;
  }
  yield await flush();
}

/** The result lines as a body. */
export const ingest = (upload: Upload, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
  const utf8 = new TextEncoder();
  const source = results(upload, body);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const next = await source.next();
          if (next.done) return controller.close();
          if (next.value.length === 0) continue;
          controller.enqueue(utf8.encode(next.value.map((result) => `${JSON.stringify(result)}\n`).join('')));
          return;
        }
      },
      async cancel() {
        await source.return();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: RESULT_BUFFER_BYTES }),
  );
};
