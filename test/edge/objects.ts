// Durable Objects in Node: their storage over SQLite in memory, with an alarm that a test rings, and no workerd.
import { DatabaseSync } from 'node:sqlite';

type Value = string | number | null;

/** Storage of one object, as `ctx.storage` has it. */
export class FakeStorage {
  #database = new DatabaseSync(':memory:');
  /** When the alarm rings, or null. */
  alarm: number | null = null;

  readonly sql = {
    exec: (statement: string, ...values: Value[]) => {
      // several statements at once take no values
      if (values.length === 0 && statement.trim().includes(';')) this.#database.exec(statement);
      const rows = statement.trim().includes(';') ? [] : this.#database.prepare(statement).all(...values);
      return { toArray: () => rows.map((row) => ({ ...row })), one: () => ({ ...rows[0] }) };
    },
  };

  async setAlarm(at: number): Promise<void> {
    this.alarm = at;
  }

  async deleteAlarm(): Promise<void> {
    this.alarm = null;
  }

  async deleteAll(): Promise<void> {
    this.#database.close();
    this.#database = new DatabaseSync(':memory:');
  }

  /** Names of the tables there are. */
  tables(): string[] {
    return this.#database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name));
  }
}

export const fakeState = (storage: FakeStorage) => ({
  storage,
  blockConcurrencyWhile: async <T>(work: () => Promise<T>): Promise<T> => work(),
});
