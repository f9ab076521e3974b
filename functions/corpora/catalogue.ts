// What a corpus holds, in a SQLite Durable Object of its own: strongly consistent where the vector index is not.
// Writing takes two steps around the index: `reserve` says what each example is (created, updated, unchanged) and notes
// that it is being written; `commit` notes that the index has it. A crash between them leaves a reservation: no listing
// shows it, the next upload writes again, and it is swept with the corpus. So there is never an entry without its vector.
// When two uploads of one id meet, the index holds one of the two; the entry is left unsettled, and the next upload
// writes again.
// Looking writes nothing: the tables are made with the corpus, and when it is deleted and swept the storage is emptied, so
// that neither a wrong name nor a deleted corpus leaves anything behind.
import { DurableObject } from 'cloudflare:workers';
import { VECTORIZE_MAX_DELETE_IDS } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import { fromQ15 } from '../kernel/q15.ts';
import { normalise } from '../vectors/algebra.ts';
import type {
  CatalogueMethods,
  CorpusCounts,
  CorpusDeclared,
  CorpusInfo,
  CorpusWanted,
  Entry,
  Pieces,
  Reservation,
  ReservedStatus,
  Standing,
} from './contract.ts';
import { EntryTable, EXAMPLE_TABLE } from './entries.ts';
import { type Geometry, geometryOf } from './geometry.ts';
import { newSpace, textKey, textsUnder } from './keys.ts';
import { PieceTable } from './pieces.ts';
import { q15FromBase64 } from './record.ts';
import { Sample, type Sampled } from './sample.ts';
import { type Version, VersionRow } from './version.ts';

/** A row as unit vector; none where it is not one. */
const rowOf = (q15: string, dimensions: number): Float32Array[] => {
  const row = q15FromBase64(q15, dimensions);
  return row === undefined ? [] : [normalise(fromQ15(row))];
};

/** Milliseconds until a sweep that failed is tried again. */
const SWEEP_AGAIN_MS = 10_000;

const TABLES = `
  CREATE TABLE IF NOT EXISTS corpus (one INTEGER PRIMARY KEY CHECK (one = 1), info TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS trash (vector TEXT PRIMARY KEY, text_key TEXT NOT NULL) WITHOUT ROWID;
${EXAMPLE_TABLE}`;

export class Catalogue extends DurableObject<Env> implements CatalogueMethods {
  readonly #sql: SqlStorage;
  /** Whether the tables are there; undefined until somebody asks. */
  #made: boolean | undefined;
  readonly #entries: EntryTable;
  readonly #sample: Sample;
  readonly #pieces: PieceTable;
  readonly #version: VersionRow;
  /** As measured since the sample last changed; null: too few examples. It is stored nowhere, the sample is. */
  #geometry: Geometry | null | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#entries = new EntryTable(this.#sql);
    this.#sample = new Sample(this.#sql);
    this.#pieces = new PieceTable(this.#sql);
    this.#version = new VersionRow(this.#sql);
  }

  open(wanted: CorpusWanted): { info: CorpusInfo; made: boolean } {
    const known = this.#corpus();
    if (known !== null) return { info: known, made: false };
    const info = { ...wanted, space: newSpace(), createdAt: new Date().toISOString() };
    this.#make();
    this.#sql.exec('INSERT INTO corpus VALUES (1, ?)', JSON.stringify(info));
    this.#version.renew();
    return { info: { ...info, ...this.#version.read() }, made: true };
  }

  info(): CorpusInfo | null {
    const info = this.#corpus();
    const geometry = info === null ? null : this.#measured(info.dimensions);
    return info === null || geometry === null ? info : { ...info, geometry };
  }

  #corpus(): CorpusInfo | null {
    if (!this.#isMade()) return null;
    const [row] = this.#sql.exec<{ info: string }>('SELECT info FROM corpus').toArray();
    if (row === undefined) return null;
    const info = { ...(JSON.parse(row.info) as Omit<CorpusInfo, keyof Version>), ...this.#version.read() };
    return this.#pieces.isMade ? { ...info, chunked: true } : info;
  }

  declare({ filterable, chunk }: CorpusDeclared): CorpusInfo | null {
    const known = this.#corpus();
    if (known === null) return null;
    const { chunked: _, version: _version, changedAt: _changedAt, ...stored } = known;
    this.#sql.exec('UPDATE corpus SET info = ?', JSON.stringify({ ...stored, filterable, chunk }));
    return this.info();
  }

  describe(): { info: CorpusInfo; counts: CorpusCounts } | null {
    const info = this.info();
    if (info === null) return null;
    return { info, counts: this.#entries.counts() };
  }

  reserve(space: string, writer: string, batch: readonly Reservation[]): ReservedStatus[] | null {
    if (this.#corpus()?.space !== space) return null;
    const statuses = this.#entries.reserve(writer, batch);
    // the index may show these before they are committed, or though they never are
    if (statuses.some((status) => status !== 'unchanged')) this.#version.renew();
    return statuses;
  }

  async commit(
    space: string,
    writer: string,
    batch: readonly Entry[],
    under: string,
    offered: readonly Sampled[] = [],
  ): Promise<boolean> {
    if (this.#corpus()?.space !== space) {
      this.#make();
      for (const { vector } of batch) {
        this.#sql.exec('INSERT OR IGNORE INTO trash VALUES (?, ?)', vector, textKey(under, vector));
      }
      await this.ctx.storage.setAlarm(Date.now());
      return false;
    }
    this.#entries.commit(writer, batch);
    this.#version.renew();
    this.#sample.take(offered);
    if (offered.length > 0) this.#geometry = undefined;
    return true;
  }

  page(after: string, limit: number): Entry[] | null {
    return this.#corpus() === null ? null : this.#entries.page(after, limit);
  }

  find(id: string): { info: CorpusInfo; entry: Entry | null } | null {
    const info = this.#corpus();
    return info === null ? null : { info, entry: this.#entries.find(id) };
  }

  forget(id: string): void {
    if (!this.#isMade()) return;
    this.#entries.delete(id);
    this.#pieces.forget(id);
    this.#version.renew();
    this.#sample.forget(id);
    this.#geometry = undefined;
  }

  forgetAll(ids: readonly string[]): void {
    for (const id of ids) this.forget(id);
  }

  claim(space: string, texts: readonly Pieces[]): void {
    if (this.#corpus()?.space === space) this.#pieces.claim(texts);
  }

  leftOver(space: string, texts: readonly Pieces[]): Entry[][] {
    if (this.#corpus()?.space !== space) return texts.map(() => []);
    return texts.map(({ of, ids }) => {
      const now = new Set(ids);
      return this.#entries.reservedOrCommitted(this.#pieces.idsOf(of).filter((id) => !now.has(id)));
    });
  }

  chunksOf(id: string): Entry[] {
    return this.#corpus() === null
      ? []
      : this.#entries.reservedOrCommitted(this.#pieces.idsOf(id).filter((one) => one !== id));
  }

  async abandon(space: string, writer: string): Promise<boolean> {
    if (this.#corpus()?.space !== space) return false;
    if (this.#entries.hasOthers(writer)) return false;
    await this.drop();
    return true;
  }

  standing(space: string, examples: readonly Standing[]): (Version & { stands: boolean }) | null {
    const info = this.#corpus();
    if (info?.space !== space) return null;
    return { version: info.version, changedAt: info.changedAt, stands: this.#entries.stand(examples) };
  }

  async drop(): Promise<number | null> {
    const described = this.describe();
    if (described === null) return null;
    const { tenant, name, space } = described.info;
    // reservations too: their vectors may already be in the index
    this.#sql.exec(
      `INSERT OR IGNORE INTO trash SELECT vector, ? || '/' || vector FROM example`,
      textsUnder(tenant, name, space),
    );
    this.#sql.exec('DELETE FROM example');
    this.#sql.exec('DELETE FROM corpus');
    this.#sample.empty();
    this.#pieces.empty();
    this.#geometry = undefined;
    await this.ctx.storage.setAlarm(Date.now());
    return described.counts.examples;
  }

  /** Empties the trash, a hundred vectors a call; on a failure what is left is tried again. */
  override async alarm(): Promise<void> {
    try {
      for (let batch = this.#trash(); batch.length > 0; batch = this.#trash()) {
        await this.env.VECTORIZE.deleteByIds(batch.map(({ vector }) => vector));
        // a key that holds nothing is no error, so nothing has to remember which texts were long
        await this.env.TEXTS.delete(batch.map(({ text_key }) => text_key));
        for (const { vector } of batch) this.#sql.exec('DELETE FROM trash WHERE vector = ?', vector);
      }
      await this.#end();
    } catch {
      await this.ctx.storage.setAlarm(Date.now() + SWEEP_AGAIN_MS);
    }
  }

  #measured(dimensions: number): Geometry | null {
    if (this.#geometry === undefined) {
      this.#geometry = geometryOf(this.#sample.rows().flatMap((q15) => rowOf(q15, dimensions))) ?? null;
    }
    return this.#geometry;
  }

  #trash(): { vector: string; text_key: string }[] {
    if (!this.#isMade()) return [];
    return this.#sql
      .exec<{ vector: string; text_key: string }>('SELECT * FROM trash LIMIT ?', VECTORIZE_MAX_DELETE_IDS)
      .toArray();
  }

  /** Empties the storage, unless a corpus was opened or more was thrown away in the meantime. */
  async #end(): Promise<void> {
    await this.ctx.blockConcurrencyWhile(async () => {
      if (this.#corpus() !== null || this.#trash().length > 0) return;
      this.#made = false;
      this.#sample.gone();
      this.#pieces.gone();
      this.#version.gone();
      await this.ctx.storage.deleteAlarm();
      await this.ctx.storage.deleteAll();
    });
  }

  #isMade(): boolean {
    this.#made ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'corpus'").toArray().length > 0;
    return this.#made;
  }

  #make(): void {
    if (this.#made !== true) this.#sql.exec(TABLES);
    this.#made = true;
  }
}
