// Fenced blocks of the pages: their language, what their first line says beside it, and the section they stand in.
import { readFileSync } from 'node:fs';

export interface Block {
  /** The file below docs/, without `.md`. */
  readonly page: string;
  readonly section: string;
  readonly language: string;
  /** Words behind the language: `not-run`, `run`, `output`. */
  readonly marks: readonly string[];
  readonly text: string;
}

const FENCE = /^(#{1,4}) (.*)$|^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm;

export const blocksOf = (page: string, markdown: string): Block[] => {
  const blocks: Block[] = [];
  let section = '';
  for (const [, hashes, heading = '', language = '', marks = '', text = ''] of markdown.matchAll(FENCE)) {
    if (hashes !== undefined) section = heading;
    else blocks.push({ page, section, language, marks: marks.trim().split(/\s+/).filter(Boolean), text });
  }
  return blocks;
};

export const pageText = (page: string): string =>
  readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8');
