// The answer to an upload: its result lines, and a last line that counts them. An upload that failed as a whole, known before
// the first byte of the answer, has a status that says so; one whose results come later has begun with 200 by then.
// Results not yet read are held up to RESULT_BUFFER_BYTES; beyond that the upload waits for its reader, so a client that
// sends everything before it reads anything must stay below that (some 80,000 lines).
import type { ResultLine, Summary } from '../../wire/api/corpora.ts';
import { RESULT_BUFFER_BYTES, UPLOAD_STATUS_MS } from '../../wire/limits.ts';
import type { Answered } from './ingest.ts';

const UNPROCESSABLE = 422;
const BAD_GATEWAY = 502;

/** Whether the same line may be taken another time: what failed is not the caller's. */
const mayPass = ({ error }: ResultLine): boolean => error?.type === 'server_error' && error.code !== 'not_configured';

/** 200 while anything was taken; else whether it is worth another try. */
const statusOf = (results: readonly ResultLine[]): number => {
  if (results.length === 0 || results.some(({ status }) => status !== 'error')) return 200;
  return results.some(mayPass) ? BAD_GATEWAY : UNPROCESSABLE;
};

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;

export interface Uploaded {
  readonly status: number;
  readonly body: ReadableStream<Uint8Array>;
}

/** What comes first, or undefined when it takes too long to hold the status back for it. */
const soon = async <T>(first: Promise<T>): Promise<T | undefined> => {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), UPLOAD_STATUS_MS);
  });
  try {
    return await Promise.race([first, late]);
  } finally {
    clearTimeout(timer);
  }
};

export const uploaded = async (
  source: AsyncGenerator<Answered, void, void>,
  { summary }: { readonly summary: boolean },
): Promise<Uploaded> => {
  const utf8 = new TextEncoder();
  const counts: { [Count in keyof Summary]: number } = { created: 0, updated: 0, unchanged: 0, errors: 0 };
  let waiting: Promise<IteratorResult<Answered, void>> | undefined = source.next();
  const first = await soon(waiting);
  const whole = first?.done === false && first.value.last;
  const status = whole ? statusOf(first.value.results) : 200;
  let ended = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (!ended) {
          const next = await (waiting ?? source.next());
          waiting = undefined;
          const results = next.done ? [] : next.value.results;
          for (const one of results) counts[one.status === 'error' ? 'errors' : one.status] += 1;
          ended = next.done === true;
          const text = results.map(line).join('') + (ended && summary ? line({ summary: counts }) : '');
          if (text !== '') controller.enqueue(utf8.encode(text));
          if (ended) controller.close();
          if (text !== '') return;
        }
      },
      async cancel() {
        await source.return();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: RESULT_BUFFER_BYTES }),
  );
  return { status, body };
};
