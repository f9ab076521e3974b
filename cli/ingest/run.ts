// An ingest from its options to its exit code: inputs are read, cut and sent as one stream; what is confirmed is kept in the
// journal; at the end, what is gone is pruned, and everything that was refused is told.
import type { Readable } from 'node:stream';
import type { SiftClient } from '../../client/index.ts';
import { chunkId } from '../../corpus/chunk-id.ts';
import type { Filterable } from '../../wire/api/corpora.ts';
import { INGEST_LAST_LOOK_MS, INGEST_UPLOADS_AT_ONCE } from '../../wire/limits.ts';
import { whenAborted } from '../aborted.ts';
import type { Console } from '../commands/command.ts';
import { EXIT, type ExitCode, withHint } from '../exit.ts';
import type { Counts } from './account.ts';
import { type Cutting, type Item, itemsOf, type Ready } from './cut.ts';
import { digestSet, idDigest } from './digest-set.ts';
import { type Fields, fixedMetadata } from './fields.ts';
import { type Inputs, inputsOf, type Wanted } from './inputs.ts';
import { journalPath } from './journal.ts';
import type { Kind } from './kinds.ts';
import { count } from './meter.ts';
import { type Clock, PatienceError, patience, patientClient } from './patience.ts';
import { deleteAll, findGone } from './prune.ts';
import { readInputs } from './read.ts';
import { type Report, report } from './report.ts';
import { type Resumed, resumed } from './resume.ts';
import { openTarget, queryOf, type Target, targetOf, typesOf } from './target.ts';
import { uploadAll, uploadsOf } from './upload.ts';

export interface IngestOptions extends Wanted {
  readonly corpus: string;
  readonly as?: Kind;
  readonly fields: Fields;
  readonly cutting: Cutting;
  /** Of --chunk server. */
  readonly overlap?: number;
  readonly meta: readonly string[];
  readonly filterable: Filterable;
  readonly prune: boolean;
  readonly resume: boolean;
  readonly dryRun: boolean;
  readonly verbose: boolean;
  readonly patienceMs: number;
  /** What the journal is told apart by. */
  readonly server: string;
  readonly key: string;
}

export type IngestClient = Pick<
  SiftClient,
  'ingest' | 'corpus' | 'createCorpus' | 'examples' | 'example' | 'deleteExample'
>;

export interface IngestTools {
  /** Absent in a dry run. */
  readonly client?: IngestClient;
  readonly console: Console;
  readonly stdin: Readable;
  /** Writes to a terminal; absent where there is none. */
  readonly draw?: (text: string) => void;
  readonly columns: () => number;
  readonly confirm: (question: string) => Promise<boolean>;
  readonly clock: Clock;
  /** Directory of the journals. */
  readonly state: string;
}

const codeOf = ({ examples, refusedHere, refusedByEdge }: Counts, note: (message: string) => void): ExitCode => {
  const refused = refusedHere + refusedByEdge;
  if (examples === refusedByEdge) {
    if (refused === 0) note('no examples were found');
    return EXIT.failed;
  }
  return refused > 0 ? EXIT.partly : EXIT.ok;
};

/** Only what is ready goes on, unless `isDone`; the rest is told. Nothing more is read once the run is over. */
async function* readyOf(
  items: AsyncIterable<Item>,
  told: Report,
  signal: AbortSignal,
  isDone: (item: Ready) => boolean,
  onRefused: (source: string) => void = () => {},
): AsyncGenerator<Ready, void, void> {
  const { counts, line, tell } = told;
  for await (const item of items) {
    if (signal.aborted || told.isOver) return;
    line.update();
    if (item.type !== 'example') {
      if (item.type === 'refused') {
        counts.refusedHere += 1;
        onRefused(item.place.source);
      }
      tell(item);
      continue;
    }
    counts.examples += 1;
    counts.characters += (item.example.text ?? '').length;
    if (isDone(item)) counts.resumed += 1;
    else yield item;
  }
}

/** One run against an edge: what it knows of the examples on their way. */
const send = async (
  options: IngestOptions,
  tools: IngestTools,
  client: IngestClient,
  inputs: Inputs,
  told: Report,
  read: (types: Filterable) => AsyncIterable<Item>,
): Promise<ExitCode> => {
  const { counts, line } = told;
  const { corpus, cutting, prune } = options;
  const { signal } = tools.console;
  const patient = patience({
    patienceMs: options.patienceMs,
    clock: tools.clock,
    onWait: (why, ms) => told.wait(why.message, ms),
  });
  const asked = patientClient(client, patient, signal);
  let target: Target;
  let known: Resumed | undefined;
  const made = digestSet();
  const doubtful = new Set(inputs.notes.filter(({ type }) => type === 'refused').map(({ place }) => place.source));
  let hasOwnIds = false;
  const isDone = (item: Ready): boolean => {
    if (prune) {
      made.add(idDigest(item.id));
      hasOwnIds ||= item.hasOwnId;
    }
    return known?.wasConfirmed(item) === true;
  };
  /** The first line that is taken makes the corpus, which the journal is about. */
  const begin = async (by: Pick<IngestClient, 'corpus' | 'createCorpus'>, within: AbortSignal): Promise<void> => {
    target ??= await targetOf(by, corpus, within);
    known?.begin(target);
  };
  try {
    target = await openTarget(asked, corpus, options.filterable, signal);
    const query = queryOf(cutting, options.overlap, target);
    const { server, key } = options;
    const journal = await resumed(target, {
      client: asked,
      corpus,
      path: journalPath(tools.state, { server, corpus, key, query }),
      // the ids of what the edge cuts are known by its answers only, and a prune needs them all
      resume: options.resume && !(prune && cutting.by === 'edge'),
      signal,
      onFailure: told.note,
    });
    known = journal;
    const items = read(typesOf(target, options.filterable));
    await uploadAll(
      readyOf(items, told, signal, isDone, (source) => doubtful.add(source)),
      {
        client,
        corpus,
        query,
        patience: patient,
        atOnce: INGEST_UPLOADS_AT_ONCE,
        signal,
        onResult: (item, { status, error, chunks = 0, truncated }) => {
          told.goOn();
          if (truncated === true) counts.truncated += 1;
          if (status === 'error') {
            counts.refusedByEdge += 1;
            doubtful.add(item.place.source);
            told.tell({ type: 'refused', place: item.place, id: item.id, reason: error?.message ?? 'no reason given' });
          } else {
            counts[status] += 1;
            journal.confirm(item);
            // after the first upload at the latest, which waits for it
            if (counts.created === 1) begin(client, signal).catch(() => {});
            for (let k = 0; prune && k < chunks; k++) made.add(idDigest(chunkId(item.id, k)));
          }
          line.update();
        },
        onUpload: () => begin(asked, signal),
      },
    );
    journal.remove();
    if (prune && counts.examples > counts.refusedByEdge) {
      const pruning = {
        client: asked,
        corpus,
        signal,
        covers: inputs.covers,
        isMade: (id: string) => made.has(idDigest(id)),
        isDoubtful: (source: string) => doubtful.has(source),
        hasOwnIds,
      };
      const gone = await findGone(pruning);
      if (gone.doubtful > 0) {
        told.note(`${count(gone.doubtful)} examples are kept: something of their input was refused`);
      }
      line.clear();
      const question = `delete ${count(gone.ids.length)} examples of '${corpus}' that are no longer in the input?`;
      if (gone.ids.length > 0 && (await tools.confirm(question))) {
        await deleteAll(pruning, gone.ids, () => {
          counts.deleted += 1;
        });
      }
    }
  } catch (error) {
    if (counts.created > 0) await begin(client, AbortSignal.timeout(INGEST_LAST_LOOK_MS)).catch(() => {});
    const isKept = known?.close() === true;
    told.end(signal.aborted ? 'interrupted' : error instanceof PatienceError ? 'busy' : 'failed');
    if (isKept && counts.created + counts.updated + counts.unchanged + counts.resumed > 0)
      told.note('the same command goes on from here');
    // whoever writes into it need not wait for us
    tools.stdin.destroy();
    if (!(error instanceof PatienceError)) throw error;
    told.note(withHint(error.message));
    return EXIT.tryAgain;
  }
  told.end('done');
  return codeOf(counts, told.note);
};

export const runIngest = async (options: IngestOptions, tools: IngestTools): Promise<ExitCode> => {
  const { corpus, dryRun, verbose, prune, as, fields, cutting } = options;
  const { console, draw, columns, clock, client } = tools;
  const inputs = await inputsOf(options);
  const told = report({
    console,
    draw,
    columns,
    now: clock.now,
    corpus,
    dryRun,
    verbose,
    prune,
    allBytes: inputs.bytes,
  });
  told.counts.ignored = inputs.ignored;
  for (const note of inputs.notes) {
    if (note.type === 'refused') told.counts.refusedHere += 1;
    told.tell(note);
  }
  const read = (types: Filterable): AsyncGenerator<Item, void, void> => {
    const onBytes = (size: number): void => {
      told.bytes += size;
    };
    const found = readInputs(
      inputs.inputs,
      { stdin: tools.stdin, onBytes },
      { ...(as === undefined ? {} : { as }), fields, types },
      () => {
        told.counts.files += 1;
      },
    );
    return itemsOf(found, { cutting, metadata: fixedMetadata(options.meta, types) });
  };
  if (!dryRun && client !== undefined) return await send(options, tools, client, inputs, told, read);
  const { signal } = console;
  const stopped = whenAborted(signal);
  const wouldGoUp = uploadsOf(readyOf(read(options.filterable), told, signal, () => false));
  let uploads = 0;
  try {
    while ((await Promise.race([wouldGoUp.next(), stopped])).done !== true) uploads += 1;
    signal.throwIfAborted();
  } catch (error) {
    told.end(signal.aborted ? 'interrupted' : 'failed', uploads);
    tools.stdin.destroy();
    throw error;
  }
  told.end('done', uploads);
  return codeOf(told.counts, told.note);
};
