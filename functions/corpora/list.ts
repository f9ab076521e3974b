// The names of a tenant's corpora, in a Durable Object of its own. A name is entered before its corpus is made and taken
// away after it is gone, so a corpus is never unlisted; a name whose corpus never came is taken away by deleting it.
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';

export class CorpusList extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS corpus (name TEXT PRIMARY KEY) WITHOUT ROWID');
  }

  enter(name: string): void {
    this.ctx.storage.sql.exec('INSERT OR IGNORE INTO corpus VALUES (?)', name);
  }

  leave(name: string): void {
    this.ctx.storage.sql.exec('DELETE FROM corpus WHERE name = ?', name);
  }

  page(after: string, limit: number): string[] {
    return this.ctx.storage.sql
      .exec<{ name: string }>('SELECT name FROM corpus WHERE name > ? ORDER BY name LIMIT ?', after, limit)
      .toArray()
      .map(({ name }) => name);
  }
}
