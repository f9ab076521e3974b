// A link out of docs/ leads to a file of the repository, which a deployed edge does not have: on the built pages its words
// stay, with the file's name as their title. The links themselves are held by test/docs/links.test.ts.
import { posix } from 'node:path';
import { pages } from './path.ts';

interface Token {
  type: string;
  content: string;
  tag: string;
  nesting: number;
  children: Token[] | null;
  attrGet(name: string): string | null;
  attrs: [string, string][] | null;
}

interface Markdown {
  readonly core: {
    readonly ruler: {
      push(name: string, rule: (state: { tokens: Token[]; env: { relativePath?: string } }) => void): void;
    };
  };
}

/** Where a link of a page leads, from the root of the repository; undefined: it stays below docs/, or leads elsewhere. */
export const outside = (page: string, href: string): string | undefined => {
  if (/^([a-z]+:|#|\/)/i.test(href)) return undefined;
  const path = posix.normalize(posix.join('docs', posix.dirname(page), href.replace(/#.*/, '')));
  return path.startsWith('docs/') || path === 'docs' ? undefined : path;
};

/** A page that is named by its file (`[keys.md](keys.md)`) is named by its title: files are for whoever reads the clone. */
const titleOf = (page: string, href: string): string | undefined => {
  if (/^([a-z]+:|#|\/)/i.test(href)) return undefined;
  const path = posix.normalize(posix.join(posix.dirname(page), href.replace(/#.*/, ''))).replace(/\.md$/, '');
  return pages.find(({ link }) => link === `/${path}`)?.text;
};

/** A plugin of markdown-it. */
export const linksAsPages = (markdown: Markdown): void => {
  markdown.core.ruler.push('links-as-pages', ({ tokens, env }) => {
    for (const { children } of tokens) {
      const open: boolean[] = [];
      for (const [index, token] of (children ?? []).entries()) {
        if (token.type === 'link_open') {
          const href = token.attrGet('href') ?? '';
          const path = outside(env.relativePath ?? '', href);
          open.push(path !== undefined);
          const words = children?.[index + 1];
          if (path === undefined) {
            const title = titleOf(env.relativePath ?? '', href);
            if (title !== undefined && words !== undefined && /^[\w-]+\.md$/.test(words.content)) words.content = title;
            continue;
          }
          token.attrs = [
            ['class', 'in-repository'],
            ['title', `in the repository: ${path}`],
          ];
          token.type = 'html_span_open';
          token.tag = 'span';
        } else if (token.type === 'link_close' && open.pop() === true) {
          token.type = 'html_span_close';
          token.tag = 'span';
        }
      }
    }
  });
};
