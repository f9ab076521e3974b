// An upload: NDJSON in, one result line per input line out, in order, while the upload is still coming.
// Results not yet read are held up to RESULT_BUFFER_BYTES; beyond that the upload waits for its reader, so a client that
// sends everything before it reads anything must stay below that (some 80,000 lines). An empty line is an
// error, a run of them one error; an upload of nothing but bad lines is ended after MAX_UPLOAD_ERRORS.
import type { ResultLine } from '../../wire/api/corpora.ts';
import { asFault, type Fault } from '../../wire/faults.ts';
import {
  INGEST_BATCH_BYTES,
  INGEST_FIRST_LINES,
  MAX_LINE_BYTES,
  MAX_UPLOAD_BYTES,
  MAX_UPLOAD_ERRORS,
  PREPARE_BYTES,
  RESULT_BUFFER_BYTES,
} from '../../wire/limits.ts';
import { type Line, lines } from '../http/body.ts';
import { pause } from '../pause.ts';
import { processBatch } from './batch.ts';
import { nextBatchLines } from './batch-size.ts';
import { forgettingReplaced } from './forget.ts';
import { type Prepared, prepareLine, type Refused } from './line.ts';
import { errorResult, type Upload } from './write.ts';

/** Bytes of a line, its newline not counted; of a run of empty lines, all newlines but one. */
const sizeOf = (line: Line): number =>
  'bytes' in line ? line.bytes.byteLength : 'oversize' in line ? line.oversize : line.empty - 1;

async function* results(upload: Upload, body: ReadableStream<Uint8Array>): AsyncGenerator<ResultLine[], void, void> {
  let batch: (Prepared | Refused)[] = [];
  let held = 0;
  let total = 0;
  let last = 0;
  let refused = 0;
  let prepared = 0;
  let most = INGEST_FIRST_LINES;
  const flush = async (): Promise<ResultLine[]> => {
    const done = batch;
    batch = [];
    held = 0;
    if (done.length === 0) return [];
    const started = Date.now();
    const answers = await processBatch(upload, done);
    most = nextBatchLines(most, done.length, Date.now() - started);
    refused += answers.filter(({ status }) => status === 'error').length;
    return answers;
  };
  const refuseRest = (fault: Fault): ResultLine[] => [errorResult(last + 1, null, fault)];
  try {
    for await (const line of lines(body, MAX_LINE_BYTES)) {
      const size = sizeOf(line);
      total += size + 1;
      if (total > MAX_UPLOAD_BYTES) {
        yield await flush();
        const got = `more than ${MAX_UPLOAD_BYTES}`;
        const fault: Fault = { kind: 'too_large', param: 'the upload', got, limit: MAX_UPLOAD_BYTES, unit: 'bytes' };
        yield refuseRest({ ...fault, line: line.line });
        return;
      }
      last = 'empty' in line ? line.line + line.empty - 1 : line.line;
      batch.push(await prepareLine(line, upload.info));
      held += 'bytes' in line ? size : 0;
      prepared += size;
      if (prepared >= PREPARE_BYTES) {
        prepared = 0;
        await pause();
      }
      if (batch.length >= most || held >= INGEST_BATCH_BYTES) yield await flush();
      if (refused >= MAX_UPLOAD_ERRORS) {
        const message = `${refused} lines were refused, the limit is ${MAX_UPLOAD_ERRORS}: the rest was not read`;
        yield refuseRest({ kind: 'bad_json', message, line: last + 1 });
        return;
      }
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
  const source = forgettingReplaced(upload.env, upload.info, results(upload, body));
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
