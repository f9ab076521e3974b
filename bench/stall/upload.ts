// The uploading side of the stall bench, in a thread of its own, so that it does not slow the measuring one.
import { parentPort, workerData } from 'node:worker_threads';
import { jsonLines } from '../../client/lines.ts';

const { url, key, lines, texts } = workerData as { url: string; key: string; lines: number; texts: readonly string[] };
const utf8 = new TextEncoder();
let next = 0;
const body = new ReadableStream<Uint8Array>({
  pull(controller) {
    if (next >= lines) return controller.close();
    const some = Array.from({ length: Math.min(100, lines - next) }, (_, i) => next + i);
    next += some.length;
    // no two alike, so that every line is embedded and written
    const text = some
      .map((i) => `${JSON.stringify({ id: `${i}`, text: `${i}: ${texts[i % texts.length]}` })}\n`)
      .join('');
    controller.enqueue(utf8.encode(text));
  },
});
let created = 0;
// one upload of all lines, which the client would cut into several
const response = await fetch(`${url}/v1/corpora/busy/examples`, {
  method: 'POST',
  headers: { authorization: `Bearer ${key}` },
  body,
  duplex: 'half',
});
for await (const line of jsonLines(response)) if ((line as { status?: string }).status === 'created') created += 1;
parentPort?.postMessage(created);
