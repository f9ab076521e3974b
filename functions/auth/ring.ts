// The keys of one tenant in a Durable Object of its own. It is the one that writes: two changes at once follow each other,
// and a revoked key can never come back by a change that began from an older state, as it could in KV, which has no
// transactions. What it holds it publishes to KV, where requests are checked against it everywhere.
import { DurableObject } from 'cloudflare:workers';
import { MAX_KEYS } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import type { KeyRingMethods, StoredKey } from './contract.ts';
import { published } from './store.ts';

const TABLE =
  'CREATE TABLE IF NOT EXISTS key (id TEXT PRIMARY KEY, record TEXT NOT NULL, revoked INTEGER NOT NULL) WITHOUT ROWID';

export class KeyRing extends DurableObject<Env> implements KeyRingMethods {
  #made: boolean | undefined;
  /** The last publication; each waits for the one before, and publishes what stands then. */
  #publishing: Promise<void> = Promise.resolve();

  async create(key: StoredKey): Promise<boolean> {
    const { sql } = this.ctx.storage;
    sql.exec(TABLE);
    this.#made = true;
    if (sql.exec<{ count: number }>('SELECT COUNT(*) AS count FROM key').one().count >= MAX_KEYS) return false;
    sql.exec('INSERT INTO key VALUES (?, ?, 0)', key.id, JSON.stringify(key));
    await this.#publish(key.id);
    return true;
  }

  page(after: string, limit: number): StoredKey[] {
    if (!this.#isMade()) return [];
    return this.ctx.storage.sql
      .exec<{ record: string }>('SELECT record FROM key WHERE id > ? AND revoked = 0 ORDER BY id LIMIT ?', after, limit)
      .toArray()
      .map(({ record }) => JSON.parse(record) as StoredKey);
  }

  find(id: string): StoredKey | null {
    if (!this.#isMade()) return null;
    const [row] = this.ctx.storage.sql
      .exec<{ record: string }>('SELECT record FROM key WHERE id = ? AND revoked = 0', id)
      .toArray();
    return row === undefined ? null : (JSON.parse(row.record) as StoredKey);
  }

  async rotate(id: string, digest: string, graceMs: number): Promise<StoredKey | null> {
    const before = this.find(id);
    if (before === null) return null;
    const previous = graceMs > 0 ? { digest: before.digest, until: Date.now() + graceMs } : null;
    const after = { ...before, digest, previous };
    this.ctx.storage.sql.exec('UPDATE key SET record = ? WHERE id = ?', JSON.stringify(after), id);
    await this.#publish(id);
    return after;
  }

  async revoke(id: string): Promise<boolean> {
    const { sql } = this.ctx.storage;
    if (!this.#isMade() || sql.exec('SELECT 1 FROM key WHERE id = ?', id).toArray().length === 0) return false;
    // the row goes when KV has been told: a revocation that failed there is made again by the next
    sql.exec('UPDATE key SET revoked = 1 WHERE id = ?', id);
    await this.#publish(id);
    sql.exec('DELETE FROM key WHERE id = ?', id);
    return true;
  }

  #publish(id: string): Promise<void> {
    const next = this.#publishing
      .catch(() => {}) // whose own caller was told
      .then(() => published(this.env, id, this.find(id)));
    this.#publishing = next;
    return next;
  }

  #isMade(): boolean {
    this.#made ??= this.ctx.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'key'").toArray().length > 0;
    return this.#made;
  }
}
