// What an input is, by the end of its name. Whatever has no end of its own is text, if its bytes are: code, Markdown, prose.
export const KINDS = ['text', 'markdown', 'html', 'csv', 'tsv', 'jsonl', 'pdf'] as const;
export type Kind = (typeof KINDS)[number];

const ENDS: Readonly<Record<string, Kind>> = {
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  pdf: 'pdf',
};

export const kindOf = (source: string): Kind => ENDS[/\.([a-z]+)$/i.exec(source)?.[1]?.toLowerCase() ?? ''] ?? 'text';

/** What the name promises, so that not being able to read it is a refusal; of another file it says that it is no text. */
export const isPromised = (kind: Kind): boolean => kind !== 'text' && kind !== 'markdown';
