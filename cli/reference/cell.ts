// Text of the source as a cell of a Markdown table on a page of docs/reference/.

/** Names of constants and variables as code; pages of docs/ as links; nothing that Markdown or a page would take as markup. */
export const cell = (text: string): string =>
  text
    .replaceAll('|', '\\|')
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : words(part)))
    .join('');

const words = (text: string): string =>
  text
    .replaceAll('<', '&lt;')
    .replaceAll('*', '\\*')
    .replace(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g, '`$&`')
    .replace(/\bdocs\/([\w/-]+\.md)\b/g, (_, page: string) => `[${page.replace(/^.*\//, '')}](../${page})`);

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** Where a page is from, for whoever opens its Markdown. */
export const written = (from: string): string => `<!-- Written from ${from} by node cli/reference.ts --write -->`;
