// The index on disk: vectors, the journal of writes that cannot be read yet, and what was processed last.
//   vectors(id, namespace, indexed, vals, metadata)   vals is f32 little-endian; metadata stands last, so that a cold load,
//                                                     which reads the columns before it, skips most of its pages
//   journal(seq, mutation, kind, due, …the same)      one row per vector or deleted id; due is epoch ms
//   state(key, value)                                 dimensions, metric, processed mutation and its time
// Rows are written 20 a statement: SQLite in a Durable Object binds at most 100 parameters.
import type { IndexConfig } from './config.ts';
import type { Batch } from './input.ts';

export type Kind = 'insert' | 'upsert' | 'delete';

type VectorRow = { id: string; namespace: string; indexed: string | null; vals: ArrayBuffer; metadata: string | null };
type JournalRow = {
  seq: number;
  mutation: string;
  kind: Kind;
  id: string;
  namespace: string;
  indexed: string | null;
  vals: ArrayBuffer | null;
  metadata: string | null;
};

/** When a write becomes readable that waits for `flush()`. */
export const NEVER = Number.MAX_SAFE_INTEGER;
const MAX_PARAMETERS = 100;

const placeholders = (rows: number, columns: number): string =>
  new Array(rows).fill(`(${new Array(columns).fill('?').join(',')})`).join(',');

export class Tables {
  readonly #sql: SqlStorage;
  readonly #dimensions: number;

  constructor(sql: SqlStorage, config: IndexConfig) {
    this.#sql = sql;
    this.#dimensions = config.dimensions;
    sql.exec(`CREATE TABLE IF NOT EXISTS vectors(
      id TEXT PRIMARY KEY, namespace TEXT NOT NULL, indexed TEXT, vals BLOB NOT NULL, metadata TEXT)`);
    sql.exec(`CREATE TABLE IF NOT EXISTS journal(
      seq INTEGER PRIMARY KEY AUTOINCREMENT, mutation TEXT NOT NULL, kind TEXT NOT NULL, due INTEGER NOT NULL,
      id TEXT NOT NULL, namespace TEXT, indexed TEXT, vals BLOB, metadata TEXT)`);
    sql.exec('CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value TEXT NOT NULL)');
  }

  state(key: string): string | null {
    const row = this.#sql.exec<{ value: string }>('SELECT value FROM state WHERE key = ?', key).toArray()[0];
    return row?.value ?? null;
  }

  setState(key: string, value: string): void {
    this.#sql.exec('INSERT OR REPLACE INTO state VALUES (?, ?)', key, value);
  }

  /** Every vector without its metadata, in the order of storage. */
  scan(): Iterable<Pick<VectorRow, 'id' | 'namespace' | 'indexed' | 'vals'>> {
    return this.#sql.exec('SELECT id, namespace, indexed, vals FROM vectors');
  }

  put(batch: Batch): void {
    this.#insert('INSERT OR REPLACE INTO vectors VALUES ', batch.ids.length, (i) => this.#columns(batch, i));
  }

  remove(ids: readonly string[]): void {
    for (let from = 0; from < ids.length; from += MAX_PARAMETERS) {
      const some = ids.slice(from, from + MAX_PARAMETERS);
      this.#sql.exec(`DELETE FROM vectors WHERE id IN ${placeholders(1, some.length)}`, ...some);
    }
  }

  /** The stored vectors of these ids, by id; columns that are not wanted are not read. */
  read(ids: readonly string[], want: { values: boolean; metadata: boolean }): Map<string, VectorRow> {
    if (ids.length === 0) return new Map();
    const columns = `id, namespace, indexed, ${want.values ? 'vals' : 'NULL AS vals'}, ${want.metadata ? 'metadata' : 'NULL AS metadata'}`;
    const where = placeholders(1, ids.length);
    const rows = this.#sql.exec<VectorRow>(`SELECT ${columns} FROM vectors WHERE id IN ${where}`, ...ids);
    return new Map(rows.toArray().map((row) => [row.id, row]));
  }

  defer(mutation: string, kind: 'insert' | 'upsert', due: number, batch: Batch): void {
    const columns = '(mutation, kind, due, id, namespace, indexed, vals, metadata)';
    this.#insert(`INSERT INTO journal ${columns} VALUES `, batch.ids.length, (i) => [
      mutation,
      kind,
      due,
      ...this.#columns(batch, i),
    ]);
  }

  deferDelete(mutation: string, due: number, ids: readonly string[]): void {
    // an empty deletion is a mutation all the same
    const rows = ids.length === 0 ? [''] : ids;
    this.#insert('INSERT INTO journal (mutation, kind, due, id) VALUES ', rows.length, (i) => [
      mutation,
      'delete',
      due,
      rows[i] ?? '',
    ]);
  }

  /** When the oldest waiting write is due, or null when none waits. */
  nextDue(): number | null {
    return this.#sql.exec<{ due: number }>('SELECT due FROM journal ORDER BY seq LIMIT 1').toArray()[0]?.due ?? null;
  }

  /** Takes the oldest waiting mutation off the journal. */
  takeMutation(): { mutation: string; kind: Kind; batch: Batch } | null {
    const rows = this.#sql
      .exec<JournalRow>(
        'SELECT * FROM journal WHERE mutation = (SELECT mutation FROM journal ORDER BY seq LIMIT 1) ORDER BY seq',
      )
      .toArray();
    const first = rows[0];
    if (first === undefined) return null;
    this.#sql.exec('DELETE FROM journal WHERE mutation = ?', first.mutation);
    const values = new Float32Array(first.kind === 'delete' ? 0 : rows.length * this.#dimensions);
    rows.forEach((row, i) => {
      if (row.vals !== null) values.set(new Float32Array(row.vals), i * this.#dimensions);
    });
    const batch: Batch = {
      ids: rows.map((row) => row.id),
      namespaces: rows.map((row) => row.namespace ?? ''),
      indexed: rows.map((row) => row.indexed),
      metadata: rows.map((row) => row.metadata),
      values,
    };
    return { mutation: first.mutation, kind: first.kind, batch };
  }

  clear(): void {
    this.#sql.exec('DELETE FROM vectors');
    this.#sql.exec('DELETE FROM journal');
    this.#sql.exec('DELETE FROM state');
  }

  #columns(batch: Batch, row: number): SqlStorageValue[] {
    const values = batch.values.slice(row * this.#dimensions, (row + 1) * this.#dimensions);
    return [
      batch.ids[row] ?? '',
      batch.namespaces[row] ?? '',
      batch.indexed[row] ?? null,
      values.buffer,
      batch.metadata[row] ?? null,
    ];
  }

  #insert(statement: string, rows: number, parametersOf: (row: number) => SqlStorageValue[]): void {
    const columns = rows === 0 ? 1 : parametersOf(0).length;
    const most = Math.floor(MAX_PARAMETERS / columns);
    for (let from = 0; from < rows; from += most) {
      const count = Math.min(most, rows - from);
      const parameters = Array.from({ length: count }, (_, i) => parametersOf(from + i)).flat();
      this.#sql.exec(statement + placeholders(count, columns), ...parameters);
    }
  }
}
