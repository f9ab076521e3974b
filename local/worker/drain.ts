// A request that the edge refuses before it has read the body (401, 413). workerd then closes the connection, and the
// answer is lost on the way to a caller who is still sending. So a refusal waits until the rest of the body is read, for
// REFUSAL_WAIT_MS at most. On Cloudflare the network in front of a Worker does this.
import { MAX_UPLOAD_BYTES, REFUSAL_WAIT_MS } from '../../wire/limits.ts';

export interface Drained {
  readonly request: Request;
  /** Resolves when the body is read, or enough was waited. */
  rest(): Promise<void>;
}

export const drained = (request: Request, ctx: ExecutionContext): Drained => {
  const source = request.body as ReadableStream<Uint8Array> | null;
  if (source === null) return { request, rest: async () => {} };
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  let wanted = true;
  const give = (piece: Uint8Array): Promise<void> =>
    writer.write(piece).catch(() => {
      wanted = false; // the edge gave up reading
    });
  const read = async (): Promise<void> => {
    let size = 0;
    for await (const piece of source) {
      size += piece.byteLength;
      if (wanted) await give(piece);
      else if (size > MAX_UPLOAD_BYTES) return;
    }
    await writer.close();
  };
  // a caller who goes away breaks it off: the edge must not take what came for a whole body
  const reading = read().catch((error: unknown) => writer.abort(error).catch(() => {}));
  ctx.waitUntil(reading);
  return {
    request: new Request(request, { body: readable }),
    rest: async () => {
      wanted = false;
      void writer.abort().catch(() => {});
      await Promise.race([reading, new Promise<void>((resolve) => setTimeout(resolve, REFUSAL_WAIT_MS))]);
    },
  };
};
