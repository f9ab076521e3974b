// Reads one PDF after the other in a thread of its own, so that a PDF that takes all time or memory ends this thread alone.
// Answers: the number of pages, then each page's text, then the end; or why not.
import { parentPort } from 'node:worker_threads';
import { getDocumentProxy } from 'unpdf';
import { MAX_PDF_PAGES } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';

export type PdfMessage =
  | { readonly pages: number }
  | { readonly page: number; readonly text: string }
  | { readonly page: number; readonly problem: string }
  | { readonly failed: string }
  | { readonly end: true };

const port = parentPort;
const say = (message: PdfMessage): void => port?.postMessage(message);

const reasonOf = (error: unknown): string => {
  const name = error instanceof Error ? error.name : '';
  if (name === 'PasswordException') return 'encrypted: it opens with a password only';
  return name === 'InvalidPDFException' ? `a damaged PDF: ${messageOf(error)}` : `cannot be read: ${messageOf(error)}`;
};

const read = async (bytes: Uint8Array): Promise<void> => {
  const pdf = await getDocumentProxy(bytes, { verbosity: 0, disableFontFace: true });
  try {
    say({ pages: pdf.numPages });
    for (let page = 1; page <= Math.min(pdf.numPages, MAX_PDF_PAGES); page++) {
      try {
        const { items } = await (await pdf.getPage(page)).getTextContent();
        const text = items.map((item) => ('str' in item ? `${item.str}${item.hasEOL ? '\n' : ''}` : '')).join('');
        say({ page, text });
      } catch (error) {
        say({ page, problem: messageOf(error) });
      }
    }
  } finally {
    await pdf.loadingTask.destroy();
  }
};

port?.on('message', (bytes: Uint8Array) => {
  read(bytes).then(
    () => say({ end: true }),
    (error: unknown) => say({ failed: reasonOf(error) }),
  );
});
