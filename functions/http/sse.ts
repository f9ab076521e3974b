// Server-sent events as a response body that notices when its reader has gone.
import { SSE_PROBE_MS } from '../../wire/limits.ts';

/** The pieces as bytes; in silence an empty comment shows whether anyone still listens. */
export const sseBody = (
  pieces: AsyncGenerator<string, void, void>,
  gone: AbortController,
): ReadableStream<Uint8Array> => {
  const utf8 = new TextEncoder();
  let waiting: Promise<IteratorResult<string, void>> | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      waiting ??= pieces.next();
      let timer: ReturnType<typeof setTimeout> | null = null;
      const silence = new Promise<'silence'>((resolve) => {
        timer = setTimeout(() => resolve('silence'), SSE_PROBE_MS);
      });
      try {
        const next = await Promise.race([waiting, silence]);
        if (next === 'silence') return controller.enqueue(utf8.encode(':\n\n'));
        waiting = undefined;
        if (next.done) controller.close();
        else controller.enqueue(utf8.encode(next.value));
      } finally {
        clearTimeout(timer);
      }
    },
    async cancel() {
      // the gateway first: a pull may be waiting on it, and return() queues behind that
      gone.abort();
      await pieces.return();
    },
  });
};
