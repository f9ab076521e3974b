// The index: one SQLite Durable Object. Rows and what filters need live in memory, values and metadata on disk.
// Input arrives parsed (input.ts); answers are values (faults.ts). Exact search over every row that namespace and filter leave.
// Writes apply in the order they came. A delayed one waits in the journal and holds back all that follow it.
import { DurableObject } from 'cloudflare:workers';
import type { RowStore } from '../../functions/kernel/index.ts';
import { isolateKernel } from '../../functions/kernel/module.workerd.ts';
import { FNV_START, fnvNext } from '../../wire/fnv.ts';
import { type IndexConfig, readConfig, readSwitches, type Switches, type Vars } from './config.ts';
import { type Answer, answer, type Operation, refuse, UNKNOWN_ID, UNREADABLE_VECTORS } from './faults.ts';
import { matches } from './filter.ts';
import { type Batch, pick, type Query } from './input.ts';
import { type Indexed, nested } from './metadata.ts';
import { distance, queryRow, rowWidth, storedRow } from './rows.ts';
import { type Kind, NEVER, Tables } from './tables.ts';

/** Its public type knows one level of nesting; what was written with more comes back with more. */
type Metadata = NonNullable<VectorizeMatch['metadata']>;

export interface Info {
  readonly vectorCount: number;
  readonly dimensions: number;
  /** ISO 8601 and UUID, as the real service answers (its types say number), or null before the first write. */
  readonly processedUpToDatetime: string | null;
  readonly processedUpToMutation: string | null;
}

/** A number in [−1, 1) that depends on the text alone (FNV-1a): the error of an approximate score stays the same from query to query. */
const noise = (text: string): number => {
  let hash = FNV_START;
  for (let i = 0; i < text.length; i++) hash = fnvNext(hash, text.charCodeAt(i));
  return (hash | 0) / 2 ** 31;
};

export class VectorIndex extends DurableObject<Vars> {
  readonly #config: IndexConfig;
  readonly #tables: Tables;
  #switches: Switches;
  #rows: RowStore;
  /** Column arrays, parallel to the rows. */
  #ids: string[] = [];
  #namespaces: string[] = [];
  #indexed: (Indexed | null)[] = [];
  #slots = new Map<string, number>();
  /** Why the stored data cannot be served, or null. */
  #unusable: string | null;

  constructor(ctx: DurableObjectState, vars: Vars) {
    super(ctx, vars);
    this.#config = readConfig(vars);
    this.#switches = readSwitches(vars);
    this.#tables = new Tables(ctx.storage.sql, this.#config);
    this.#rows = this.#emptyRows();
    this.#unusable = this.#checkShape();
    if (this.#unusable === null) this.#load();
  }

  async info(): Promise<Answer<Info>> {
    return this.#serve('INDEX_GET', () =>
      answer({
        vectorCount: this.#rows.size,
        dimensions: this.#config.dimensions,
        processedUpToDatetime: this.#tables.state('processed_at'),
        processedUpToMutation: this.#tables.state('processed_mutation'),
      }),
    );
  }

  async query(query: Query): Promise<Answer<VectorizeMatches>> {
    return this.#serve('VECTOR_QUERY', () => this.#query(query));
  }

  async write(kind: 'insert' | 'upsert', batch: Batch): Promise<Answer<VectorizeAsyncMutation>> {
    const { refuseHolding } = this.#switches;
    return this.#serve(kind === 'insert' ? 'VECTOR_INSERT' : 'VECTOR_UPSERT', () =>
      refuseHolding !== '' && batch.metadata.some((json) => json?.includes(refuseHolding))
        ? refuse(UNREADABLE_VECTORS, 'a refusal that was asked for')
        : this.#accept(kind, batch),
    );
  }

  async remove(ids: readonly string[]): Promise<Answer<VectorizeAsyncMutation>> {
    const batch: Batch = { ids, namespaces: [], indexed: [], metadata: [], values: new Float32Array(0) };
    return this.#serve('VECTOR_DELETE', () => this.#accept('delete', batch));
  }

  async get(ids: readonly string[]): Promise<Answer<VectorizeVector[]>> {
    return this.#serve('VECTOR_GET', () => {
      const wanted = [...new Set(ids)];
      const rows = this.#tables.read(wanted, { values: true, metadata: true });
      const found = wanted.flatMap((id) => rows.get(id) ?? []);
      return answer(
        found.map((row) => ({
          id: row.id,
          values: [...new Float32Array(row.vals)],
          ...(row.namespace === '' ? {} : { namespace: row.namespace }),
          ...(row.metadata === null ? {} : { metadata: JSON.parse(row.metadata) }),
        })),
      );
    });
  }

  /** Changes switches while running; lasts until the Worker restarts. Answers what now holds. */
  configure(changes: Partial<Switches>): Switches {
    this.#switches = { ...this.#switches, ...changes };
    return this.#switches;
  }

  /** Makes every waiting write readable now; answers how many mutations that were. */
  flush(): number {
    return this.#settle(NEVER);
  }

  /** Empties the index, waiting writes included. */
  clear(): void {
    this.ctx.storage.transactionSync(() => this.#tables.clear());
    this.#rows = this.#emptyRows();
    this.#ids = [];
    this.#namespaces = [];
    this.#indexed = [];
    this.#slots.clear();
    this.#unusable = this.#checkShape();
  }

  async #serve<T>(operation: Operation, work: () => Answer<T>): Promise<Answer<T>> {
    const { latencyMs } = this.#switches;
    if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
    const { fail } = this.#switches;
    if (fail.calls > 0 && (fail.only === undefined || fail.only === operation)) {
      this.#switches = { ...this.#switches, fail: { ...fail, calls: fail.calls - 1 } };
      if (fail.code === null) return refuse(null, null, 500);
      return refuse(fail.code, fail.error ?? 'a fault that was asked for');
    }
    if (this.#unusable !== null) return refuse(null, this.#unusable);
    this.#settle(Date.now());
    return work();
  }

  #query(query: Query): Answer<VectorizeMatches> {
    const { metric } = this.#config;
    let vector: Float32Array;
    if ('id' in query.by) {
      const stored = this.#tables.read([query.by.id], { values: true, metadata: false }).get(query.by.id);
      if (stored === undefined) return refuse(UNKNOWN_ID, `vector with id=${JSON.stringify(query.by.id)} not found`);
      vector = new Float32Array(stored.vals);
    } else {
      vector = query.by.vector;
    }
    const approximate = query.returnValues ? 0 : this.#switches.approximate;
    // approximate scores also swap neighbours, so more of them compete for the places
    const wanted = approximate > 0 ? query.topK * 2 : query.topK;
    const found = this.#rows.nearest(queryRow(metric, vector), wanted, this.#kept(query));

    const needValues = query.returnValues || metric === 'euclidean';
    const ids = found.indices.map((index) => this.#ids[index] ?? '');
    const needDisk = needValues || query.returnMetadata === 'all';
    const stored = new Map(needDisk ? this.#read(ids, needValues, query.returnMetadata === 'all') : []);

    const matched = found.indices.map((index, place): VectorizeMatch => {
      const id = ids[place] ?? '';
      const row = stored.get(id);
      const values = needValues && row !== undefined ? new Float32Array(row.vals) : null;
      const exact = metric === 'euclidean' && values !== null ? distance(vector, values) : (found.scores[place] ?? 0);
      const namespace = this.#namespaces[index] ?? '';
      const indexed = this.#indexed[index] ?? null;
      return {
        id,
        score: exact + approximate * noise(id),
        ...(namespace === '' ? {} : { namespace }),
        ...(query.returnValues && values !== null ? { values: [...values] } : {}),
        ...(query.returnMetadata === 'all' && row?.metadata ? { metadata: JSON.parse(row.metadata) } : {}),
        ...(query.returnMetadata === 'indexed' && indexed !== null ? { metadata: nested(indexed) as Metadata } : {}),
      };
    });
    if (approximate > 0) matched.sort((a, b) => (metric === 'euclidean' ? a.score - b.score : b.score - a.score));
    const kept = matched.slice(0, query.topK);
    return answer({ matches: kept, count: kept.length });
  }

  #read(ids: readonly string[], values: boolean, metadata: boolean) {
    const half = 100; // twice the topK of 100 that approximate scores look at does not fit one statement
    const first = this.#tables.read(ids.slice(0, half), { values, metadata });
    const rest = this.#tables.read(ids.slice(half), { values, metadata });
    return [...first, ...rest];
  }

  /** One byte a row, 0 where namespace or filter leave it out; undefined when nothing is left out. */
  #kept(query: Query): Uint8Array | undefined {
    const { namespace, clauses } = query;
    if (namespace === null && clauses.length === 0) return undefined;
    const kept = new Uint8Array(this.#rows.size);
    for (let i = 0; i < kept.length; i++) {
      const inside = namespace === null || this.#namespaces[i] === namespace;
      if (inside && matches(clauses, this.#indexed[i] ?? null)) kept[i] = 1;
    }
    return kept;
  }

  #accept(kind: Kind, batch: Batch): Answer<VectorizeAsyncMutation> {
    const mutationId = crypto.randomUUID();
    const { visibleAfterMs } = this.#switches;
    if (visibleAfterMs === 0 && this.#tables.nextDue() === null) {
      this.#apply(mutationId, kind, batch);
    } else {
      const due = visibleAfterMs === 'flush' ? NEVER : Date.now() + visibleAfterMs;
      this.ctx.storage.transactionSync(() => {
        if (kind === 'delete') this.#tables.deferDelete(mutationId, due, batch.ids);
        else this.#tables.defer(mutationId, kind, due, batch);
      });
    }
    return answer({ mutationId });
  }

  /** Applies waiting writes that are due at `now`, oldest first; answers how many. */
  #settle(now: number): number {
    let applied = 0;
    for (;;) {
      const due = this.#tables.nextDue();
      if (due === null || due > now) return applied;
      this.ctx.storage.transactionSync(() => {
        const next = this.#tables.takeMutation();
        if (next !== null) this.#apply(next.mutation, next.kind, next.batch);
      });
      applied += 1;
    }
  }

  /** Disk first, in one transaction; memory only when that stands. */
  #apply(mutation: string, kind: Kind, sent: Batch): void {
    const { dimensions } = this.#config;
    const batch = kind === 'insert' ? pick(sent, this.#unseen(sent), dimensions) : sent;
    this.ctx.storage.transactionSync(() => {
      if (kind === 'delete') this.#tables.remove(batch.ids);
      else this.#tables.put(batch);
      this.#tables.setState('processed_mutation', mutation);
      this.#tables.setState('processed_at', new Date().toISOString());
    });
    for (const [i, id] of batch.ids.entries()) {
      const values = batch.values.subarray(i * dimensions, (i + 1) * dimensions);
      if (kind === 'delete') this.#forget(id);
      else this.#remember(id, batch.namespaces[i] ?? '', batch.indexed[i] ?? null, values);
    }
  }

  /** insert keeps the first write: the places of a batch whose ids are new, each id once. */
  #unseen(batch: Batch): number[] {
    const seen = new Set<string>();
    const places: number[] = [];
    batch.ids.forEach((id, place) => {
      if (this.#slots.has(id) || seen.has(id)) return;
      seen.add(id);
      places.push(place);
    });
    return places;
  }

  #remember(id: string, namespace: string, indexed: string | null, values: Float32Array): void {
    const row = storedRow(this.#config.metric, values);
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = this.#rows.size;
      this.#rows.append(row);
      this.#slots.set(id, slot);
    } else {
      this.#rows.replace(slot, row);
    }
    this.#ids[slot] = id;
    this.#namespaces[slot] = namespace;
    this.#indexed[slot] = indexed === null ? null : JSON.parse(indexed);
  }

  #forget(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    this.#rows.remove(slot);
    this.#slots.delete(id);
    // the last row has moved into the gap, and its columns follow it
    const lastId = this.#ids.pop() ?? id;
    const lastNamespace = this.#namespaces.pop() ?? '';
    const lastIndexed = this.#indexed.pop() ?? null;
    if (slot === this.#ids.length) return;
    this.#ids[slot] = lastId;
    this.#namespaces[slot] = lastNamespace;
    this.#indexed[slot] = lastIndexed;
    this.#slots.set(lastId, slot);
  }

  #emptyRows(): RowStore {
    return isolateKernel().store(rowWidth(this.#config.metric, this.#config.dimensions));
  }

  #checkShape(): string | null {
    const want = `${this.#config.dimensions} dimensions, ${this.#config.metric}`;
    const stored = this.#tables.state('shape');
    if (stored === null) this.#tables.setState('shape', want);
    if (stored === null || stored === want) return null;
    return `the stored index has ${stored}; this Worker is configured for ${want}. clear() empties it`;
  }

  #load(): void {
    for (const row of this.#tables.scan()) {
      this.#remember(row.id, row.namespace, row.indexed, new Float32Array(row.vals));
    }
  }
}
