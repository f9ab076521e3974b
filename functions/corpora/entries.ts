// The table of a catalogue's examples: reservations, what is committed, and how both are read. Nothing here knows the
// corpus; its tables must be there.
import type { CorpusCounts, Entry, Reservation, ReservedStatus, Standing } from './contract.ts';

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  vector: string;
  hash: string;
  stripe: number;
  bytes: number;
  long: number;
}

const COLUMNS = 'id, vector, hash, stripe, bytes, long';
const entryOf = ({ id, vector, hash, stripe, bytes, long }: Row): Entry => ({
  id,
  vector,
  hash,
  stripe,
  bytes,
  long: long === 1,
});

export const EXAMPLE_TABLE = `
  CREATE TABLE IF NOT EXISTS example (
    id TEXT PRIMARY KEY, vector TEXT NOT NULL, committed INTEGER NOT NULL, hash TEXT NOT NULL, writer TEXT NOT NULL,
    stripe INTEGER NOT NULL, bytes INTEGER NOT NULL, long INTEGER NOT NULL) WITHOUT ROWID;
`;

export class EntryTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  counts(): CorpusCounts {
    const { examples, bytes } = this.#sql
      .exec<{ examples: number; bytes: number }>(
        'SELECT COUNT(*) AS examples, COALESCE(SUM(bytes), 0) AS bytes FROM example WHERE committed = 1',
      )
      .one();
    return { examples, bytes };
  }

  /** What each is; those not unchanged are marked as being written by `writer`. */
  reserve(writer: string, batch: readonly Reservation[]): ReservedStatus[] {
    return batch.map(({ id, fingerprint, vector }): ReservedStatus => {
      const [row] = this.#sql
        .exec<{ hash: string; committed: number }>('SELECT hash, committed FROM example WHERE id = ?', id)
        .toArray();
      if (row !== undefined && row.hash === fingerprint) return 'unchanged';
      // without its hash the row is unsettled: whatever happens next, an upload of this id writes again
      this.#sql.exec(
        `INSERT INTO example VALUES (?, ?, 0, '', ?, 0, 0, 0)
         ON CONFLICT (id) DO UPDATE SET hash = '', writer = excluded.writer`,
        id,
        vector,
        writer,
      );
      return row?.committed === 1 ? 'updated' : 'created';
    });
  }

  commit(writer: string, batch: readonly Entry[]): void {
    for (const { id, hash, vector, stripe, bytes, long } of batch) {
      // another writer reserved it since: which of the two the index holds is unknown, so the row stays unsettled
      this.#sql.exec(
        `INSERT INTO example VALUES (?1, ?2, 1, '', '', ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET committed = 1, stripe = ?5, bytes = ?6, long = ?7,
           hash = CASE WHEN writer = ?4 THEN ?3 ELSE '' END, writer = ''`,
        id,
        vector,
        hash,
        writer,
        stripe,
        bytes,
        long ? 1 : 0,
      );
    }
  }

  page(after: string, limit: number): Entry[] {
    return this.#sql
      .exec<Row>(`SELECT ${COLUMNS} FROM example WHERE id > ? AND committed = 1 ORDER BY id LIMIT ?`, after, limit)
      .toArray()
      .map(entryOf);
  }

  find(id: string): Entry | null {
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM example WHERE id = ? AND committed = 1`, id).toArray();
    return row === undefined ? null : entryOf(row);
  }

  /** Committed or not: the index may hold the vector of a reservation too. */
  reservedOrCommitted(ids: readonly string[]): Entry[] {
    return ids.flatMap((id) =>
      this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM example WHERE id = ?`, id).toArray().map(entryOf),
    );
  }

  /** Whether all of these are there in these versions. */
  stand(examples: readonly Standing[]): boolean {
    return examples.every(({ id, hash }) => {
      const found = this.#sql.exec('SELECT 1 FROM example WHERE id = ? AND hash = ? AND committed = 1', id, hash);
      return hash !== '' && found.toArray().length > 0;
    });
  }

  /** Whether it holds anything but what `writer` has reserved. */
  hasOthers(writer: string): boolean {
    return (
      this.#sql.exec('SELECT 1 FROM example WHERE committed = 1 OR writer <> ? LIMIT 1', writer).toArray().length > 0
    );
  }

  delete(id: string): void {
    this.#sql.exec('DELETE FROM example WHERE id = ?', id);
  }
}
