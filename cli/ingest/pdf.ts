// PDFs, page by page, by pdf.js in a thread of its own (pdf-worker.ts) that has so much time for each page and so much memory.
// Refused by name: what is encrypted, damaged, a scan without a text layer, or too much of anything. A page without text
// beside others that have some is passed over by name: it is blank, or a picture.
import { Worker } from 'node:worker_threads';
import { MAX_PDF_BYTES, MAX_PDF_CHARACTERS, MAX_PDF_PAGES, PDF_MEMORY_MB, PDF_STEP_MS } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { type Found, refused } from './found.ts';
import { type Input, ReadError, type Reading, wholeOf } from './open.ts';
import type { PdfMessage } from './pdf-worker.ts';

/** Opens PDFs one at a time; the thread is kept from one to the next. */
export interface PdfReader {
  read(input: Input, reading: Reading): AsyncGenerator<Found, void, void>;
  close(): Promise<void>;
}

export const pdfReader = (stepMs = PDF_STEP_MS): PdfReader => {
  let worker: Worker | undefined;
  const close = async (): Promise<void> => {
    const ending = worker;
    worker = undefined;
    await ending?.terminate();
  };

  /** The thread's messages about this PDF; silence, its death and its end of memory are errors. */
  async function* messages(bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<PdfMessage, void, void> {
    worker ??= new Worker(new URL('pdf-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: PDF_MEMORY_MB },
      // pdf.js says on the console what it thinks of a file
      stdout: true,
      stderr: true,
    });
    const thread = worker;
    const queue: PdfMessage[] = [];
    let failure: Error | undefined;
    let wake = (): void => {};
    let ended = false;
    const onMessage = (message: PdfMessage): void => {
      queue.push(message);
      wake();
    };
    const onError = (error: Error): void => {
      failure = new ReadError(
        'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? `takes more than ${PDF_MEMORY_MB} MB of memory`
          : `cannot be read: ${messageOf(error)}`,
      );
      worker = undefined;
      wake();
    };
    thread.on('message', onMessage);
    thread.on('error', onError);
    try {
      thread.postMessage(bytes, [bytes.buffer]);
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) {
          ended = 'end' in next || 'failed' in next;
          yield next;
          if (ended) return;
        } else if (failure !== undefined) throw failure;
        else {
          const woken = await new Promise<boolean>((resolve) => {
            const timer = setTimeout(() => resolve(false), stepMs);
            wake = () => {
              clearTimeout(timer);
              resolve(true);
            };
          });
          if (!woken) throw new ReadError(`one page takes more than ${stepMs / 1000} s`);
        }
      }
    } finally {
      // what it may still say is of no PDF that anybody waits for
      if (!ended) await close();
      thread.off('message', onMessage);
      thread.off('error', onError);
    }
  }

  async function* read(input: Input, reading: Reading): AsyncGenerator<Found, void, void> {
    const { source } = input;
    const bytes = await wholeOf(input, reading, MAX_PDF_BYTES);
    let pages = 0;
    let last = 0;
    let characters = 0;
    let withText = 0;
    const blank: number[] = [];
    try {
      for await (const message of messages(bytes)) {
        if ('failed' in message) throw new ReadError(message.failed);
        if ('pages' in message) pages = message.pages;
        if (!('page' in message)) continue;
        last = message.page;
        const place = { source, page: message.page };
        if ('problem' in message) yield refused(place, `the page cannot be read: ${message.problem}`);
        else if (message.text.trim() === '') blank.push(message.page);
        else {
          withText += 1;
          characters += message.text.length;
          if (characters > MAX_PDF_CHARACTERS) {
            await close();
            throw new ReadError(`more than ${MAX_PDF_CHARACTERS} characters: nothing is read from page ${last} on`);
          }
          yield { type: 'text', place, text: message.text, metadata: { page: message.page }, isRow: false };
        }
      }
    } catch (error) {
      if (!(error instanceof ReadError) || last === 0) throw error;
      // the pages before are whole
      const reason = error.message.replace(/^one page/, `page ${last + 1}`);
      throw new ReadError(`${reason}; nothing is read after page ${last} of ${pages}`);
    }
    if (withText === 0 && blank.length > 0) {
      throw new ReadError(
        `has no text layer (${pages} ${pages === 1 ? 'page' : 'pages'}): a scan needs text recognition first`,
      );
    }
    for (const page of blank) yield { type: 'passed', place: { source, page }, reason: 'a page without text' };
    if (pages > MAX_PDF_PAGES) throw new ReadError(`${pages} pages, nothing is read after page ${MAX_PDF_PAGES}`);
  }
  return { read, close };
};
