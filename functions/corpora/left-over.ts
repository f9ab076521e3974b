// A text that comes again in fewer chunks, or whole where it was cut, leaves examples behind: they are found by the
// catalogue's note of chunks, and removed once all of the new version stands. A corpus in which nothing was ever cut is not
// asked.
import { at } from '../../wire/list.ts';
import type { Pieces } from './contract.ts';
import type { Accepted } from './line.ts';
import { removeEntries } from './remove.ts';
import { catalogueOfReached } from './store.ts';
import type { Upload } from './write.ts';

const piecesOf = ({ id, parts }: Accepted): Pieces => ({ of: id, ids: parts.map(({ example }) => example.id) });

export const claimPieces = async (upload: Upload, lines: readonly Accepted[]): Promise<void> => {
  const cut = lines.filter(({ chunked }) => chunked);
  if (cut.length === 0) return;
  const info = await upload.corpus.info();
  await catalogueOfReached(upload.env, info).claim(info.space, cut.map(piecesOf));
};

/** How many examples were removed, by the lines' ids. */
export const removeLeftOver = async (upload: Upload, lines: readonly Accepted[]): Promise<Map<string, number>> => {
  const removed = new Map<string, number>();
  if (lines.length === 0) return removed;
  const info = await upload.corpus.info();
  const pieces = lines.filter(() => upload.cuts || info.chunked).map(piecesOf);
  if (pieces.length === 0) return removed;
  const left = await catalogueOfReached(upload.env, info).leftOver(info.space, pieces);
  await removeEntries(upload.env, info, left.flat());
  for (const [i, entries] of left.entries()) {
    if (entries.length > 0) removed.set(at(pieces, i).of, entries.length);
    upload.replaced.push(...entries.map(({ id }) => id));
  }
  return removed;
};
