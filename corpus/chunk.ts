// Cuts a document into examples of about one training step's length, at the boundaries its author made:
// headings, blank lines between paragraphs or declarations, then lines. No byte is lost: the chunks, joined, are the text.
// Trade-off: characters stand for tokens (about 3 to 4 to one here), so that indexing needs no tokenizer.
import { at } from '../wire/list.ts';

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

/**
 * Characters from one overlapping chunk's beginning to the next one's: a quarter of a chunk. Chosen by what it brings
 * after tuning against what it costs in vectors (docs/study/results.md).
 */
export const STRIDE = 175;

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
    for (let from = 0; from < line.length; ) {
      let end = Math.min(from + most, line.length);
      // never between the two halves of a surrogate pair
      if (end < line.length && /[\uD800-\uDBFF]/.test(line.charAt(end - 1))) end -= 1;
      pieces.push(line.slice(from, end));
      from = end;
    }
    return pieces;
  });

/**
 * Overlapping chunks: one begins every `stride` characters or at the line after, and ends with the line that takes it to
 * `target`. Chunks overlap so far that any passage fits entirely inside some chunk. Neighbouring chunks then repeat each
 * other, which the selection allows for.
 */
export const overlapping = (text: string, stride: number, options: Partial<ChunkOptions> = {}): Chunk[] => {
  const { target, most } = { ...DEFAULTS, ...options };
  const pieces = lines(text, most).filter((piece) => piece !== '');
  const chunks: Chunk[] = [];
  let start = 0;
  for (let from = 0, next = 0; from < pieces.length; from = next) {
    let to = from;
    let current = '';
    while (to < pieces.length && current.length < target && current.length + at(pieces, to).length <= most) {
      current += at(pieces, to++);
    }
    chunks.push({ text: current, start });
    if (to === pieces.length) break;
    const last = start;
    for (next = from; next < to && start < last + stride; next++) start += at(pieces, next).length;
  }
  return chunks;
};

/** Overlapping chunks of `size` characters that share `overlap` with the one before; what is blank is left out. */
export const cut = (text: string, size: number, overlap: number): string[] =>
  overlapping(text, size - overlap, { target: size, most: Math.round((size * DEFAULTS.most) / DEFAULTS.target) })
    .map((part) => part.text)
    .filter((part) => part.trim() !== '');

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
