// Examples into the edge, some uploads at once, each of a bounded size; the next are read while these are answered, so that no
// more than those in flight are held. A busy edge, a broken connection or a failure of the edge's own is waited for, with
// growing pauses, as long as something gets on within `patience`; of an upload only what was not answered is sent again.
import { SiftError } from '../../client/error.ts';
import type { SiftClient } from '../../client/index.ts';
import type { ResultLine } from '../../wire/api/corpora.ts';
import { INGEST_UPLOAD_CHARACTERS, INGEST_UPLOAD_EXAMPLES } from '../../wire/limits.ts';
import { whenAborted } from '../aborted.ts';
import type { Ready } from './cut.ts';
import { mayPass, type Patience } from './patience.ts';

export interface UploadOptions {
  readonly client: Pick<SiftClient, 'ingest'>;
  readonly corpus: string;
  readonly query: Readonly<Record<string, string | number>>;
  readonly patience: Patience;
  readonly atOnce: number;
  readonly signal: AbortSignal;
  readonly onResult: (ready: Ready, result: ResultLine) => void;
  /** After each upload, also one that failed, of which something was answered. */
  readonly onUpload: () => Promise<void>;
}

/** A line that failed on the edge's side, rather than by what it is. */
const isPassing = ({ error }: ResultLine): boolean =>
  error?.type === 'server_error' || error?.type === 'rate_limit_error';

/** Examples in uploads. Its consumers take turns, so that several may ask at once. */
export async function* uploadsOf(items: AsyncIterable<Ready>): AsyncGenerator<Ready[], void, void> {
  let batch: Ready[] = [];
  let characters = 0;
  for await (const item of items) {
    batch.push(item);
    characters += JSON.stringify(item.example).length;
    if (batch.length < INGEST_UPLOAD_EXAMPLES && characters < INGEST_UPLOAD_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

export const uploadAll = async (items: AsyncIterable<Ready>, options: UploadOptions): Promise<void> => {
  const { client, corpus, query, patience, signal, onResult, onUpload } = options;
  const uploads = uploadsOf(items);
  const failed = new AbortController();
  const ending = AbortSignal.any([signal, failed.signal]);
  // an input may stop giving anything, which must not keep the end from coming
  const stopped = whenAborted(ending);

  /** One try; answers those whose failure may pass, and throws what ends the whole. */
  const attempt = async (batch: readonly Ready[]): Promise<{ rest: Ready[]; why: SiftError | undefined }> => {
    const rest: Ready[] = [];
    let answered = 0;
    let why: SiftError | undefined;
    const examples = batch.map(({ example }) => example);
    try {
      await client.ingest(corpus, examples, {
        // one upload: the batches here are those of the client
        batch: batch.length,
        query,
        signal: ending,
        onResult: (result) => {
          const ready = batch[result.line - 1] as Ready;
          answered = result.line;
          if (isPassing(result)) {
            rest.push(ready);
            why ??= new SiftError({ message: result.error?.message ?? 'failed', code: 'server_error' });
            return;
          }
          patience.progress();
          onResult(ready, result);
        },
      });
    } catch (error) {
      if (ending.aborted || !mayPass(error)) throw error;
      why = error;
    }
    return { rest: [...rest, ...batch.slice(answered)], why };
  };

  const upload = async (batch: Ready[]): Promise<void> => {
    let waiting = batch;
    for (let tried = 0; ; tried++) {
      const { rest, why } = await attempt(waiting);
      if (rest.length < waiting.length) await onUpload();
      if (rest.length === 0 || why === undefined) return;
      if (rest.length < waiting.length) tried = 0;
      waiting = rest;
      await patience.wait(why, tried, ending);
    }
  };

  const worker = async (): Promise<void> => {
    for (;;) {
      const next = await Promise.race([uploads.next(), stopped]);
      if (next.done === true) return;
      // reading may have taken long, which is no fault of the edge
      patience.progress();
      await upload(next.value);
    }
  };
  const guarded = (): Promise<void> =>
    worker().catch((error: unknown) => {
      failed.abort();
      throw error;
    });
  const ended = await Promise.allSettled(Array.from({ length: options.atOnce }, guarded));
  // the first to fail made the others end
  const failures = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  if (failures.length === 0) return;
  void uploads.return().catch(() => {});
  throw failures.find((error) => !(error instanceof Error && error.name === 'AbortError')) ?? failures[0];
};
