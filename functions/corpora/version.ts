// The version of a corpus: an opaque text that is another one after every write, and when that was. Kept in a table of its
// own, so that corpora of earlier versions of this program need no conversion: they have none until something is written.
import { toBase64Url } from '../vectors/base64.ts';

export interface Version {
  /** Empty where nothing was written since versions are kept. */
  readonly version: string;
  /** Unix milliseconds of the last write. */
  readonly changedAt: number;
}

/** The little of a Durable Object's SQL that is needed. */
interface Sql {
  exec(statement: string, ...values: (string | number)[]): { toArray(): Record<string, unknown>[] };
}

const BYTES = 12;

export class VersionRow {
  readonly #sql: Sql;
  #made: boolean | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Something was written. */
  renew(): void {
    if (!this.#isMade()) {
      this.#sql.exec('CREATE TABLE version (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT, changed_at INTEGER)');
      this.#made = true;
    }
    const value = toBase64Url(crypto.getRandomValues(new Uint8Array(BYTES)));
    this.#sql.exec('INSERT OR REPLACE INTO version VALUES (1, ?, ?)', value, Date.now());
  }

  read(): Version {
    const [row] = this.#isMade() ? this.#sql.exec('SELECT value, changed_at FROM version').toArray() : [];
    return { version: String(row?.value ?? ''), changedAt: Number(row?.changed_at ?? 0) };
  }

  /** The storage was emptied: the table is gone too. */
  gone(): void {
    this.#made = undefined;
  }

  #isMade(): boolean {
    this.#made ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'version'").toArray().length > 0;
    return this.#made;
  }
}
