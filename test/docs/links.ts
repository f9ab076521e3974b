// Links and headings of a Markdown text, as GitHub and the built pages read them.
import { slugOf } from '../../site/manual/slug.ts';

/** Without what is code, which holds no links. */
const prose = (markdown: string): string =>
  markdown.replace(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1\2`*$/gm, '').replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');

/** Targets of links and pictures, of HTML too. */
export const linksOf = (markdown: string): string[] => {
  const text = prose(markdown);
  const found = [
    ...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...text.matchAll(/^\[[^\]^]+\]:\s*(\S+)/gm),
    ...text.matchAll(/<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"/g),
  ];
  return found.map(([, target = '']) => target);
};

/** Anchors of the headings; one that comes again is numbered. */
export const anchorsOf = (markdown: string): string[] => {
  const seen = new Map<string, number>();
  const headings = markdown
    .replace(/^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2`*$/gm, '')
    .matchAll(/^#{1,6} +(.+?)(?: +#+)?$/gm);
  return Array.from(headings, ([, heading = '']) => {
    const slug = slugOf(heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, ''));
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
};
