// What became of the first request under one Idempotency-Key of one caller: a Durable Object each, so that two requests at
// the same moment meet in one place. A request that never ended frees its key after a lease. Everything goes after a day.
import { DurableObject } from 'cloudflare:workers';
import { IDEMPOTENCY_LEASE_MS, IDEMPOTENCY_MS } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import type { Began, IdempotencyMethods, KeptAnswer } from './contract.ts';

const TABLE = `CREATE TABLE IF NOT EXISTS first (
  one INTEGER PRIMARY KEY CHECK (one = 1), fingerprint TEXT NOT NULL, token TEXT NOT NULL, until INTEGER NOT NULL,
  state TEXT NOT NULL, status INTEGER, headers TEXT, body BLOB)`;

interface Row extends Record<string, SqlStorageValue> {
  fingerprint: string;
  token: string;
  /** The lease while it is at work, then the end of the record. */
  until: number;
  state: string;
  status: number | null;
  headers: string | null;
  body: ArrayBuffer | null;
}

export class Idempotency extends DurableObject<Env> implements IdempotencyMethods {
  async begin(fingerprint: string): Promise<Began> {
    const { sql } = this.ctx.storage;
    sql.exec(TABLE);
    const row = this.#row();
    if (row !== undefined && row.until > Date.now()) {
      if (row.fingerprint !== fingerprint) return { state: 'other' };
      if (row.state === 'working') return { state: 'busy' };
      if (row.status === null || row.body === null) return { state: 'unkept' };
      const headers = JSON.parse(row.headers ?? '[]') as [string, string][];
      return { state: 'kept', answer: { status: row.status, headers, body: new Uint8Array(row.body) } };
    }
    const token = crypto.randomUUID();
    const until = Date.now() + IDEMPOTENCY_LEASE_MS;
    sql.exec(
      "INSERT OR REPLACE INTO first VALUES (1, ?, ?, ?, 'working', NULL, NULL, NULL)",
      fingerprint,
      token,
      until,
    );
    await this.ctx.storage.setAlarm(until);
    return { state: 'mine', token };
  }

  async keep(token: string, answer: KeptAnswer | null): Promise<void> {
    if (!this.#holds(token)) return;
    const until = Date.now() + IDEMPOTENCY_MS;
    this.ctx.storage.sql.exec(
      "UPDATE first SET state = 'done', until = ?, status = ?, headers = ?, body = ?",
      until,
      answer?.status ?? null,
      answer === null ? null : JSON.stringify(answer.headers),
      answer === null ? null : answer.body,
    );
    await this.ctx.storage.setAlarm(until);
  }

  async release(token: string): Promise<void> {
    if (this.#holds(token)) await this.#end();
  }

  override async alarm(): Promise<void> {
    const row = this.#row();
    // an alarm may ring after a later request has begun
    if (row !== undefined && row.until > Date.now()) await this.ctx.storage.setAlarm(row.until);
    else await this.#end();
  }

  /** Whether this request is the one that counts: another may have begun after its lease. */
  #holds(token: string): boolean {
    const row = this.#row();
    return row !== undefined && row.token === token && row.state === 'working';
  }

  #row(): Row | undefined {
    const { sql } = this.ctx.storage;
    if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'first'").toArray().length === 0) return undefined;
    return sql.exec<Row>('SELECT * FROM first').toArray()[0];
  }

  async #end(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }
}
