// What `npm start` says of its corpus before it serves: files, examples, and what the demonstration leaves out.
import type { Gathered } from '../corpus/documents.ts';
import type { Note } from '../corpus/files.ts';
import { type Named, summary } from '../corpus/notes.ts';
import type { Indexed } from './index.ts';
import type { Options } from './options.ts';
import type { Prompts } from './prompt.ts';

const count = (of: number, singular: string): string => `${of} ${of === 1 ? singular : `${singular}s`}`;
const named = (notes: readonly Note[]): Named[] => notes.map(({ path, reason }) => ({ name: path, reason }));
const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** How many files became documents, and why the others did not. */
export const describeFiles = (
  corpus: string,
  { documents, notes }: Gathered,
  options: Pick<Options, 'corpus' | 'verbose'>,
): string[] => {
  const passedOver = notes.filter(({ taken }) => !taken);
  const over = passedOver.length > 0 ? `, ${count(passedOver.length, 'file')} passed over` : '';
  const head = `corpus ${corpus}: ${count(documents.length, 'document')}${over}`;
  // of the starter corpus most is passed over on purpose
  if (options.corpus === undefined && !options.verbose) return [head];
  const taken = notes.filter((note) => note.taken);
  return [
    head,
    ...indented(summary(named(passedOver), ['file passed over', 'files passed over'], options.verbose)),
    ...indented(summary(named(taken), ['file', 'files'], options.verbose)),
  ];
};

export const describeIndexed = ({ examples, sent, deleted, refused }: Indexed, verbose: boolean): string[] =>
  indented([
    sent + deleted === 0
      ? `${count(examples, 'example')}, indexed before`
      : `${count(examples, 'example')}: ${sent} sent, ${deleted} deleted`,
    ...summary(refused, ['example refused', 'examples refused'], verbose),
  ]);

/** Said of a user's own file only when it is in the corpus; of drawn documents the report says it. */
export const describeLeftOut = ({ promptFile }: Pick<Options, 'promptFile'>, { leftOut }: Prompts): string[] =>
  promptFile === undefined || leftOut.length === 0
    ? []
    : [
        `  ${promptFile} is in the corpus (${leftOut.slice(0, 3).join(', ')}${leftOut.length > 3 ? ', …' : ''}): left out of the selection`,
      ];

/** The same for a program: counts, and what was passed over or refused by reason. */
export const onWire = (corpus: string, { documents, notes }: Gathered, { examples, refused }: Indexed) => {
  const byReason = (list: readonly Named[]) =>
    [...Map.groupBy(list, ({ reason }) => reason)].map(([reason, some]) => ({
      reason,
      names: some.map(({ name }) => name),
    }));
  return {
    corpus,
    documents: documents.length,
    examples,
    passed_over: byReason(named(notes.filter(({ taken }) => !taken))),
    refused: byReason(refused),
  };
};
