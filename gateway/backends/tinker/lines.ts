// The lines of a streamed answer (NDJSON), as they come; one that is too long ends the stream.
import { concat } from '../../../wire/body.ts';
import type { TinkerServer } from './server.ts';

const NEWLINE = 10;

export async function* linesOf(
  chunks: AsyncGenerator<Uint8Array, void, void>,
  limit: number,
  server: Pick<TinkerServer, 'error'>,
): AsyncGenerator<Uint8Array, void, void> {
  let open: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = concat([...open, chunk.subarray(from, end)], size + end - from);
      open = [];
      size = 0;
      from = end + 1;
      if (line.length > limit) throw server.error({ kind: 'too_large', limit });
      if (line.length > 0) yield line;
    }
    const rest = chunk.subarray(from);
    open.push(rest);
    size += rest.length;
    if (size > limit) throw server.error({ kind: 'too_large', limit });
  }
  // what has no end was cut off; whoever reads sees that the last line is missing
}
