// The names of a tenant's corpora, in a Durable Object of its own. A name is entered before its corpus is made and taken
// away after it is gone, so a corpus is never unlisted; a name whose corpus never came is taken away by deleting it.
// It is also the first place asked about a name that an isolate does not know: an unknown one wakes no catalogue.
// Looking writes nothing, and a list without names keeps no storage.
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import type { CorpusListMethods } from './contract.ts';

export class CorpusList extends DurableObject<Env> implements CorpusListMethods {
  /** Whether the table is there; undefined until somebody asks. */
  #made: boolean | undefined;

  enter(name: string): void {
    const { sql } = this.ctx.storage;
    if (!this.#isMade()) sql.exec('CREATE TABLE corpus (name TEXT PRIMARY KEY) WITHOUT ROWID');
    this.#made = true;
    sql.exec('INSERT OR IGNORE INTO corpus VALUES (?)', name);
  }

  async leave(name: string): Promise<void> {
    if (!this.#isMade()) return;
    this.ctx.storage.sql.exec('DELETE FROM corpus WHERE name = ?', name);
    await this.ctx.blockConcurrencyWhile(async () => {
      if (!this.#isMade() || this.page('', 1).length > 0) return;
      this.#made = false;
      await this.ctx.storage.deleteAll();
    });
  }

  has(name: string): boolean {
    if (!this.#isMade()) return false;
    return this.ctx.storage.sql.exec('SELECT 1 FROM corpus WHERE name = ?', name).toArray().length > 0;
  }

  among(names: readonly string[]): string[] {
    return names.filter((name) => this.has(name));
  }

  page(after: string, limit: number): string[] {
    if (!this.#isMade()) return [];
    return this.ctx.storage.sql
      .exec<{ name: string }>('SELECT name FROM corpus WHERE name > ? ORDER BY name LIMIT ?', after, limit)
      .toArray()
      .map(({ name }) => name);
  }

  #isMade(): boolean {
    this.#made ??= this.ctx.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'corpus'").toArray().length > 0;
    return this.#made;
  }
}
