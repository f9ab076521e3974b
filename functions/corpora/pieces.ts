// Which examples are chunks of which text, in a table of a corpus' catalogue: when a text comes again and is cut into fewer
// chunks, those that are left over can be found. A chunk is noted before it is written, so that a crash leaves none unknown.
// The table is made with the first text that is cut.
import type { Pieces } from './contract.ts';
import { type Sql, tableExists } from './sample.ts';

export class PieceTable {
  readonly #sql: Sql;
  #made: boolean | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get isMade(): boolean {
    this.#made ??= tableExists(this.#sql, 'piece');
    return this.#made;
  }

  claim(texts: readonly Pieces[]): void {
    if (!this.isMade) {
      this.#sql.exec('CREATE TABLE piece (text TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (text, id)) WITHOUT ROWID');
      this.#sql.exec('CREATE INDEX piece_by_id ON piece (id)');
      this.#made = true;
    }
    for (const { of, ids } of texts) {
      for (const id of ids) this.#sql.exec('INSERT OR IGNORE INTO piece VALUES (?, ?)', of, id);
    }
  }

  /** Ids under which the text is, or was, in the corpus: its chunks, and itself as a whole. */
  idsOf(text: string): string[] {
    if (!this.isMade) return [text];
    const rows = this.#sql.exec('SELECT id FROM piece WHERE text = ?', text).toArray();
    return [text, ...rows.map(({ id }) => String(id))];
  }

  forget(id: string): void {
    if (this.isMade) this.#sql.exec('DELETE FROM piece WHERE id = ?', id);
  }

  empty(): void {
    if (this.isMade) this.#sql.exec('DELETE FROM piece');
  }

  /** The storage was emptied: the table is gone too. */
  gone(): void {
    this.#made = undefined;
  }
}
