// Lines of bytes, numbered from 1. A line over the limit is not held, only counted, however long it is. A newline may be
// \n or \r\n; the last line may lack it.

export type Line =
  | { readonly line: number; readonly bytes: Uint8Array }
  | { readonly line: number; readonly oversize: number };

const NEWLINE = 0x0a;

export async function* linesOf(pieces: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Line, void, void> {
  let held: Uint8Array[] = [];
  let size = 0;
  let line = 0;
  const keep = (piece: Uint8Array): void => {
    size += piece.byteLength;
    if (size <= most) held.push(piece);
    else held = [];
  };
  const end = (): Line => {
    const done: Line =
      size > most
        ? { line: ++line, oversize: size }
        : { line: ++line, bytes: held.length === 1 ? (held[0] as Uint8Array) : Buffer.concat(held) };
    held = [];
    size = 0;
    return done;
  };
  for await (const piece of pieces) {
    let from = 0;
    for (let to = piece.indexOf(NEWLINE); to >= 0; to = piece.indexOf(NEWLINE, from)) {
      keep(piece.subarray(from, to));
      yield end();
      from = to + 1;
    }
    if (from < piece.byteLength) keep(piece.subarray(from));
  }
  if (size > 0) yield end();
}
