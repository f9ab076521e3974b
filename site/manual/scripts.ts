// Scripts that VitePress writes into its pages, as files of their own: the edge's policy runs no script that stands in a page.
import { createHash } from 'node:crypto';

const INLINE = /<script((?:\s+[\w-]+(?:="[^"]*")?)*)>([\s\S]*?)<\/script>/g;

export interface Moved {
  readonly html: string;
  /** By name, to be written beside the other assets. */
  readonly files: ReadonlyMap<string, string>;
}

/** A script with `src` stays; any other becomes a file, read where it stood and in its order. */
export const scriptsAsFiles = (html: string, base: string): Moved => {
  const files = new Map<string, string>();
  const moved = html.replace(INLINE, (whole, attributes: string, code: string) => {
    if (/\ssrc="/.test(attributes)) return whole;
    const name = `inline.${createHash('sha256').update(code).digest('hex').slice(0, 8)}.js`;
    files.set(name, code);
    return `<script${attributes} src="${base}assets/${name}"></script>`;
  });
  return { html: moved, files };
};
