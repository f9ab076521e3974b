// A sample of a corpus' vectors, from which its geometry is measured: those whose ids have the smallest hashes. Which ones
// these are does not depend on the order of uploads, nor on the space a corpus happens to have. Two halves: what an upload
// sends (Offer), and what the catalogue keeps (Sample).
// Trade-off: where a sampled example is deleted its place stays free until a new one comes, whatever that one's hash is.
import { fnv1a } from '../../wire/fnv.ts';
import { GEOMETRY_SAMPLE } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';

export interface Sampled {
  readonly id: string;
  readonly mark: number;
  /** The row as the index holds it (record.ts). */
  readonly q15: string;
}

const utf8 = new TextEncoder();

/** A 32-bit hash of the id. FNV alone orders `a#1`, `a#2`, … nearly as they come, so its bits are mixed once more. */
export const markOf = (id: string): number => {
  let hash = fnv1a(utf8.encode(id));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** Which examples of one upload may enter the sample: those among its own smallest marks so far. */
export class Offer {
  /** Ascending, at most `most`. */
  readonly #marks: number[] = [];
  readonly #most: number;

  constructor(most = GEOMETRY_SAMPLE) {
    this.#most = most;
  }

  /** Whether this one is to be sent. The same id twice is one example, whose later vector counts. */
  takes(mark: number): boolean {
    const place = this.#marks.findIndex((other) => other >= mark);
    if (place >= 0 && at(this.#marks, place) === mark) return true;
    if (place < 0 && this.#marks.length >= this.#most) return false;
    this.#marks.splice(place < 0 ? this.#marks.length : place, 0, mark);
    if (this.#marks.length > this.#most) this.#marks.pop();
    return true;
  }
}

/** The little of a Durable Object's SQL that is needed. */
export interface Sql {
  exec(statement: string, ...values: (string | number)[]): { toArray(): Record<string, unknown>[] };
}

export const tableExists = (sql: Sql, name: string): boolean =>
  sql.exec('SELECT 1 FROM sqlite_master WHERE name = ?', name).toArray().length > 0;

/** The kept ones, in a table of their own: corpora of earlier versions have none until something is written. */
export class Sample {
  readonly #sql: Sql;
  #made: boolean | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  take(offered: readonly Sampled[], most = GEOMETRY_SAMPLE): void {
    if (offered.length === 0) return;
    if (!this.#isMade()) {
      this.#sql.exec(
        'CREATE TABLE sample (id TEXT PRIMARY KEY, mark INTEGER NOT NULL, q15 TEXT NOT NULL) WITHOUT ROWID',
      );
      this.#made = true;
    }
    for (const { id, mark, q15 } of offered) {
      this.#sql.exec(
        'INSERT INTO sample VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET q15 = excluded.q15',
        id,
        mark,
        q15,
      );
    }
    this.#sql.exec(
      `DELETE FROM sample WHERE id IN (SELECT id FROM sample ORDER BY mark DESC, id DESC
         LIMIT (SELECT MAX(0, COUNT(*) - ?) FROM sample))`,
      most,
    );
  }

  forget(id: string): void {
    if (this.#isMade()) this.#sql.exec('DELETE FROM sample WHERE id = ?', id);
  }

  empty(): void {
    if (this.#isMade()) this.#sql.exec('DELETE FROM sample');
  }

  /** The storage was emptied: the table is gone too. */
  gone(): void {
    this.#made = undefined;
  }

  /** In the order of the marks, so that sums over them come out the same every time. */
  rows(): string[] {
    if (!this.#isMade()) return [];
    return this.#sql
      .exec('SELECT q15 FROM sample ORDER BY mark, id')
      .toArray()
      .map(({ q15 }) => String(q15));
  }

  #isMade(): boolean {
    this.#made ??= tableExists(this.#sql, 'sample');
    return this.#made;
  }
}
