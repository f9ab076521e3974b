// Bodies of the edge: JSON into a route's typed value, NDJSON into lines.
// A line over its limit is counted and reported, never held. A stream that breaks off never yields its last half line.
import type { z } from 'zod';
import { concat, parseAs, readCapped } from '../../wire/body.ts';
import { unwrap } from '../../wire/faults.ts';

/** A request's JSON body as a value of the schema; throws the fault. */
export const readJson = async <Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  limit: number,
): Promise<z.output<Schema>> => unwrap(parseAs(unwrap(await readCapped(request, limit)), schema));

/** A line of an upload, counted from 1: its bytes, its size when it is over the limit, or a run of so many empty lines. */
export type Line =
  | { line: number; bytes: Uint8Array }
  | { line: number; oversize: number }
  | { line: number; empty: number };

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * The lines of a stream. At most `limit` bytes of a line are held; a missing last newline is forgiven. Empty lines that
 * follow each other come as one, so that a body of nothing but newlines is answered by a single result.
 */
export async function* lines(stream: ReadableStream<Uint8Array>, limit: number): AsyncGenerator<Line, void, void> {
  let line = 0;
  let empty = 0;
  let held: Uint8Array[] = [];
  let size = 0;
  const take = (piece: Uint8Array): void => {
    size += piece.byteLength;
    if (size > limit) held = [];
    else if (piece.byteLength > 0) held.push(piece);
  };
  const emptyRun = (): Line[] => {
    const run: Line[] = empty === 0 ? [] : [{ line: line - empty + 1, empty }];
    empty = 0;
    return run;
  };
  const finish = (): Line[] => {
    let bytes: Uint8Array =
      held.length === 1 && held[0] !== undefined ? held[0] : concat(held, size > limit ? 0 : size);
    if (bytes.at(-1) === RETURN) bytes = bytes.subarray(0, -1);
    const oversize = size > limit ? size : 0;
    held = [];
    size = 0;
    if (oversize === 0 && bytes.byteLength === 0) {
      line += 1;
      empty += 1;
      return [];
    }
    const before = emptyRun();
    line += 1;
    return [...before, oversize > 0 ? { line, oversize } : { line, bytes }];
  };
  /** The place after all empty lines that begin at `from`: a body may hold a hundred million of them. */
  const pastEmpty = (chunk: Uint8Array, from: number): number => {
    let at = from;
    for (;;) {
      if (chunk[at] === NEWLINE) at += 1;
      else if (chunk[at] === RETURN && chunk[at + 1] === NEWLINE) at += 2;
      else return at;
      line += 1;
      empty += 1;
    }
  };
  for await (const chunk of stream) {
    let from = size === 0 ? pastEmpty(chunk, 0) : 0;
    for (let at = chunk.indexOf(NEWLINE, from); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      yield* finish();
      from = pastEmpty(chunk, at + 1);
    }
    take(chunk.subarray(from));
  }
  if (size > 0) yield* finish();
  yield* emptyRun();
}
