// An upload: NDJSON in, one result per input line, in order, while the upload is still coming. uploaded.ts makes the answer
// of it. An empty line is an error, a run of them one error; an upload of nothing but bad lines is ended after
// MAX_UPLOAD_ERRORS. Whatever its end, also that its caller left: adapters made of replaced examples are forgotten, and a
// corpus that was made for nothing goes.
import type { ResultLine } from '../../wire/api/corpora.ts';
import { asFault, type Fault } from '../../wire/faults.ts';
import {
  INGEST_BATCH_BYTES,
  INGEST_FIRST_LINES,
  MAX_LINE_BYTES,
  MAX_UPLOAD_BYTES,
  MAX_UPLOAD_ERRORS,
  PREPARE_BYTES,
} from '../../wire/limits.ts';
import { type Line, lines } from '../http/body.ts';
import { tellProblem } from '../observe/tell.ts';
import { giveWay } from '../pause.ts';
import { processBatch } from './batch.ts';
import { nextBatchLines } from './batch-size.ts';
import { forgetAdapters } from './forget.ts';
import { type Accepted, prepareLine, type Refused, type Shape } from './line.ts';
import { forgetCorpusInfo } from './store.ts';
import { errorResult, type Upload } from './write.ts';

/** Results of some lines; with the last ones nothing follows. */
export interface Answered {
  readonly results: readonly ResultLine[];
  readonly last: boolean;
}

/** Bytes of a line, its newline not counted; of a run of empty lines, all newlines but one. */
const sizeOf = (line: Line): number =>
  'bytes' in line ? line.bytes.byteLength : 'oversize' in line ? line.oversize : line.empty - 1;

const tooLarge = (line: number): Fault => ({
  kind: 'too_large',
  param: 'the upload',
  got: `more than ${MAX_UPLOAD_BYTES}`,
  limit: MAX_UPLOAD_BYTES,
  unit: 'bytes',
  line,
});

async function* batches(
  upload: Upload,
  shape: Shape,
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Answered, void, void> {
  let batch: (Accepted | Refused)[] = [];
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
  /** What is whole is still worked on; the last result says why no more follow. */
  const end = async (fault: Fault): Promise<Answered> => ({
    results: [...(await flush()), errorResult(last + 1, null, fault)],
    last: true,
  });
  try {
    for await (const line of lines(body, MAX_LINE_BYTES)) {
      const size = sizeOf(line);
      total += size + 1;
      if (total > MAX_UPLOAD_BYTES) return yield await end(tooLarge(line.line));
      last = 'empty' in line ? line.line + line.empty - 1 : line.line;
      batch.push(await prepareLine(line, shape));
      held += 'bytes' in line ? size : 0;
      prepared += size;
      if (prepared >= PREPARE_BYTES) {
        prepared = 0;
        await giveWay();
      }
      if (batch.length >= most || held >= INGEST_BATCH_BYTES) {
        yield { results: await flush(), last: false };
        await giveWay();
      }
      if (refused >= MAX_UPLOAD_ERRORS) {
        const message = `${refused} lines were refused, the limit is ${MAX_UPLOAD_ERRORS}: the rest was not read`;
        return yield await end({ kind: 'bad_json', message, line: last + 1 });
      }
    }
  } catch (error) {
    return yield await end(asFault(error));
  }
  yield { results: await flush(), last: true };
}

/** The results as they come. */
export async function* ingest(
  upload: Upload,
  shape: Shape,
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Answered, void, void> {
  try {
    yield* batches(upload, shape, body);
  } finally {
    await upload.corpus.end(upload.writer).catch((error: unknown) => {
      // an empty corpus more is no reason to lose the answer
      tellProblem('taking away a corpus that was made for nothing', error);
    });
    // this isolate's next selection knows the corpus' new version
    const { known } = upload.corpus;
    if (known !== undefined) forgetCorpusInfo(known.tenant, known.name);
    if (upload.replaced.length > 0) await forgetAdapters(upload.gateway, await upload.corpus.info(), upload.replaced);
  }
}
