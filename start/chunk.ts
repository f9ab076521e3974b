// Cuts a document into examples of about one training step's length, at the boundaries its author made:
// headings, blank lines between paragraphs or declarations, then lines. No byte is lost: the chunks, joined, are the text.
// Trade-off: characters stand for tokens (about 3 to 4 to one here), so that indexing needs no tokenizer.

export interface Chunk {
  readonly text: string;
  /** Offset of the chunk in its document, in UTF-16 units. */
  readonly start: number;
}

export interface ChunkOptions {
  /** A chunk ends at the first boundary after this many characters. */
  readonly target: number;
  /** No chunk is longer than this many characters. */
  readonly most: number;
}

const DEFAULTS: ChunkOptions = { target: 700, most: 1_200 };

/** Blocks end after blank lines and before Markdown headings; a block over `most` is cut at lines, then hard. */
const blocks = (text: string, most: number): string[] => {
  const parts = text.split(/(?<=\n[ \t]*\n)(?=\S)|(?<=\n)(?=#{1,6} )/);
  return parts.flatMap((part) => (part.length <= most ? [part] : lines(part, most)));
};

const lines = (text: string, most: number): string[] =>
  text.split(/(?<=\n)/).flatMap((line) => {
    if (line.length <= most) return [line];
    const pieces: string[] = [];
    for (let at = 0; at < line.length; ) {
      let end = Math.min(at + most, line.length);
      // never between the two halves of a surrogate pair
      if (end < line.length && /[\uD800-\uDBFF]/.test(line.charAt(end - 1))) end -= 1;
      pieces.push(line.slice(at, end));
      at = end;
    }
    return pieces;
  });

const isHeading = (block: string): boolean => /^#{1,6} /.test(block);

export const chunk = (text: string, options: Partial<ChunkOptions> = {}): Chunk[] => {
  const { target, most } = { ...DEFAULTS, ...options };
  const chunks: Chunk[] = [];
  let current = '';
  let start = 0;
  const flush = (): void => {
    if (current !== '') chunks.push({ text: current, start });
    start += current.length;
    current = '';
  };
  for (const block of blocks(text, most)) {
    // a heading opens a new chunk once there is something worth a step before it
    const full = current.length >= target || (isHeading(block) && current.length >= target / 2);
    if (full || current.length + block.length > most) flush();
    current += block;
  }
  flush();
  return chunks;
};
