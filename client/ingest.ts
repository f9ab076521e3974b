// Examples into a corpus, in uploads of a bounded size one after the other: what comes from the iterable is asked for only
// when the edge has answered what came before, so that neither side holds more than one of them. An upload is safe to
// repeat; one that broke off is sent again, and of its lines only those are told that were not told before.
import type { z } from 'zod';
import type { exampleLine, ResultLine } from '../wire/api/corpora.ts';
import { SiftError } from './error.ts';
import { jsonLines } from './lines.ts';
import type { Send } from './send.ts';

export type Example = z.input<typeof exampleLine>;

export interface Progress {
  /** Lines answered so far, and what became of them. */
  readonly done: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly errors: number;
}

export interface IngestOptions {
  readonly signal?: AbortSignal;
  /** Lines of one upload; default 500. */
  readonly batch?: number;
  /** What became of an example; `line` counts from 1 over all of them. */
  readonly onResult?: (result: ResultLine, example: Example) => void;
  /** After every upload. */
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  /** Query of the uploads: `chunk`, `overlap`, `stripes`. */
  readonly query?: Readonly<Record<string, string | number>>;
}

/** Characters of one upload: far below what an edge takes, and enough for its fixed costs not to count. */
const MOST_CHARACTERS = 1_000_000;
/** Times that an upload which broke off is sent again. */
const RESENDS = 2;

/** Pieces of the examples, each one upload. */
async function* batches(examples: Iterable<Example> | AsyncIterable<Example>, most: number) {
  let lines: Example[] = [];
  let body = '';
  for await (const example of examples) {
    lines.push(example);
    body += `${JSON.stringify(example)}\n`;
    if (lines.length < most && body.length < MOST_CHARACTERS) continue;
    yield { lines, body };
    lines = [];
    body = '';
  }
  if (lines.length > 0) yield { lines, body };
}

export const ingest = async (
  send: Send,
  corpus: string,
  examples: Iterable<Example> | AsyncIterable<Example>,
  { signal, batch = 500, onResult, onProgress, query = {} }: IngestOptions = {},
): Promise<Progress> => {
  const counts = { done: 0, created: 0, updated: 0, unchanged: 0, errors: 0 };
  const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  const path = `/v1/corpora/${encodeURIComponent(corpus)}/examples?${asked}`;
  const options = { headers: { 'content-type': 'application/x-ndjson' }, ...(signal === undefined ? {} : { signal }) };

  for await (const { lines, body } of batches(examples, batch)) {
    const before = counts.done;
    const told = (): number => counts.done - before;
    const upload = async (): Promise<void> => {
      for await (const value of jsonLines(await send('POST', path, { ...options, body }))) {
        const result = value as ResultLine;
        const example = lines[result.line - 1];
        // told before, or the summary at the end
        if (example === undefined || result.line !== told() + 1) continue;
        counts[result.status === 'error' ? 'errors' : result.status] += 1;
        counts.done += 1;
        onResult?.({ ...result, line: before + result.line }, example);
      }
      if (told() < lines.length) {
        throw new SiftError({ message: `${lines.length} examples went up, ${told()} were answered` });
      }
    };
    for (let resent = 0; told() < lines.length; resent++) {
      await upload().catch((error: unknown) => {
        const broken = error instanceof SiftError && error.status === undefined && signal?.aborted !== true;
        if (!broken || resent >= RESENDS) throw error;
      });
    }
    await onProgress?.({ ...counts });
  }
  return counts;
};
