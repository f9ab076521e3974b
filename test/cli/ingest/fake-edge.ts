// An edge of plain objects for the ingest: what it holds, what it was sent, and how it fails when told to.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Console } from '../../../cli/commands/command.ts';
import type { ExitCode } from '../../../cli/exit.ts';
import { type IngestClient, type IngestOptions, runIngest } from '../../../cli/ingest/run.ts';
import type { Example } from '../../../client/index.ts';
import { SiftError } from '../../../client/index.ts';
import type { CorpusOnWire, ResultLine } from '../../../wire/api/corpora.ts';

export const busy = (status = 503): SiftError =>
  new SiftError({ message: 'the edge is busy', code: 'busy' }, new Response(null, { status }));

export interface FakeEdge extends IngestClient {
  readonly held: Map<string, Example>;
  readonly uploads: Example[][];
  readonly queries: unknown[];
  createdAt: string | undefined;
  /** Called before each line's answer with how many were answered so far; what it throws ends the upload. */
  onLine: (answered: number, example: Example) => ResultLine['error'] | undefined;
}

export const fakeEdge = (): FakeEdge => {
  let answered = 0;
  const edge: FakeEdge = {
    held: new Map(),
    uploads: [],
    queries: [],
    createdAt: undefined,
    onLine: () => undefined,
    async ingest(_corpus, examples, { onResult, query, signal } = {}) {
      const sent: Example[] = [];
      edge.uploads.push(sent);
      edge.queries.push(query);
      let line = 0;
      for await (const example of examples) {
        await Promise.resolve();
        signal?.throwIfAborted();
        const error = edge.onLine(answered, example);
        answered += 1;
        line += 1;
        sent.push(example);
        const id = example.id ?? '';
        if (error !== undefined) {
          onResult?.({ line, id, status: 'error', error }, example);
          continue;
        }
        edge.createdAt ??= '2026-11-27T00:00:00Z';
        const before = edge.held.get(id);
        edge.held.set(id, example);
        const same = JSON.stringify(before) === JSON.stringify(example);
        onResult?.({ line, id, status: before === undefined ? 'created' : same ? 'unchanged' : 'updated' }, example);
      }
      return { done: line, created: 0, updated: 0, unchanged: 0, errors: 0 };
    },
    corpus: async (name) =>
      edge.createdAt === undefined
        ? undefined
        : ({
            name,
            created_at: edge.createdAt,
            filterable: { lang: 'string' },
            chunk: null,
          } as unknown as CorpusOnWire),
    createCorpus: async (name, { filterable } = {}) => {
      edge.createdAt = '2026-11-27T00:00:00Z';
      return { name, created_at: edge.createdAt, filterable, chunk: null } as unknown as CorpusOnWire;
    },
    async *examples() {
      for (const id of [...edge.held.keys()].sort())
        yield { object: 'example', id, hash: 'h', bytes: 1, stripe: 0, long: false };
    },
    example: async (_corpus, id) => {
      const held = edge.held.get(id);
      return held === undefined
        ? undefined
        : ({ id, source: held.source ?? null } as Awaited<ReturnType<IngestClient['example']>>);
    },
    deleteExample: async (_corpus, id) => void edge.held.delete(id),
  };
  return edge;
};

export interface Heard {
  readonly code: ExitCode | undefined;
  readonly error: unknown;
  readonly emitted: Record<string, unknown>[];
  readonly summary: Record<string, number> & { readonly end?: string };
  readonly notes: string[];
  readonly said: string[];
  readonly slept: number[];
}

export interface Told extends Partial<IngestOptions> {
  readonly stdin?: Iterable<string> | Readable;
  readonly json?: boolean;
  readonly signal?: AbortSignal;
  readonly state?: string;
  readonly confirm?: (question: string) => boolean;
  readonly draw?: (text: string) => void;
}

export const newState = (): string => mkdtempSync(join(tmpdir(), 'sift-journal-'));

/** Runs an ingest; time passes only while it sleeps. */
export const runWith = async (
  edge: FakeEdge | undefined,
  paths: readonly string[],
  told: Told = {},
): Promise<Heard> => {
  const {
    stdin = [],
    json = true,
    signal = new AbortController().signal,
    state = newState(),
    confirm,
    draw,
    ...options
  } = told;
  const emitted: Record<string, unknown>[] = [];
  const notes: string[] = [];
  const said: string[] = [];
  const slept: number[] = [];
  let now = 0;
  const console: Console = {
    json,
    interactive: false,
    colour: false,
    signal,
    say: (...lines) => void said.push(...lines),
    write: () => {},
    emit: (value) => void emitted.push(JSON.parse(JSON.stringify(value))),
    note: (...lines) => void notes.push(...lines),
  };
  let code: ExitCode | undefined;
  let error: unknown;
  try {
    code = await runIngest(
      {
        paths,
        corpus: 'c',
        ignoreFiles: true,
        fields: { meta: [] },
        cutting: { by: 'here', size: 700, overlap: 525, rows: false },
        meta: [],
        filterable: {},
        prune: false,
        resume: true,
        dryRun: edge === undefined,
        verbose: false,
        patienceMs: 60_000,
        server: 'http://edge',
        key: 'sk-one',
        ...options,
      },
      {
        ...(edge === undefined ? {} : { client: edge }),
        console,
        stdin: stdin instanceof Readable ? stdin : Readable.from([...stdin].map((piece) => Buffer.from(piece))),
        ...(draw === undefined ? {} : { draw }),
        columns: () => 80,
        confirm: async (question) => confirm?.(question) ?? true,
        clock: {
          now: () => now,
          sleep: async (ms) => {
            slept.push(ms);
            now += ms;
          },
        },
        state,
      },
    );
  } catch (thrown) {
    error = thrown;
  }
  const summary = emitted.find(({ type }) => type === 'summary') ?? {};
  return { code, error, emitted, summary: summary as Heard['summary'], notes, said, slept };
};
