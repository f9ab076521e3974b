// What an ingest says: each refusal as it happens (--json, --verbose), the progress line, and the summary at its end.
import { nameOnOneLine } from '../../corpus/notes.ts';
import type { Console } from '../commands/command.ts';
import { type Counts, left, noCounts, reasons } from './account.ts';
import { named, type PassedOver, type Refused } from './found.ts';
import { count, duration, type Meter, meter, progressLine } from './meter.ts';

export type End = 'done' | 'interrupted' | 'busy' | 'failed';

export interface ReportOptions {
  readonly console: Console;
  readonly draw?: ((text: string) => void) | undefined;
  readonly columns: () => number;
  readonly now: () => number;
  readonly corpus: string;
  readonly dryRun: boolean;
  readonly verbose: boolean;
  readonly prune: boolean;
  /** Bytes of all inputs, where they are known. */
  readonly allBytes: number | undefined;
}

export interface Report {
  readonly counts: Counts;
  readonly line: Meter;
  /** Bytes read so far. */
  bytes: number;
  /** Whether `end` was called: what is told later is told to nobody. */
  readonly isOver: boolean;
  /** The edge is waited for, until `goOn`. Without a progress line that is said once. */
  wait(why: string, ms: number): void;
  goOn(): void;
  tell(item: Refused | PassedOver): void;
  note(message: string): void;
  /** `uploads`: of a dry run. */
  end(end: End, uploads?: number): void;
}

const told = (what: string, one: { reason: string; count: number; places: readonly string[] }): string => {
  const more = one.count - one.places.length;
  const rest = more > 0 ? ` and ${count(more)} more` : '';
  const where = one.places.length === 0 ? '' : ` (${one.places.map(nameOnOneLine).join(', ')}${rest})`;
  return `${count(one.count)} ${what}: ${one.reason}${where}`;
};

const summaryOf = (counts: Counts, options: ReportOptions, seconds: number) => ({
  dry_run: options.dryRun,
  corpus: options.corpus,
  files: counts.files,
  passed_over: counts.passed,
  ignored: counts.ignored,
  examples: counts.examples,
  characters: counts.characters,
  created: counts.created,
  updated: counts.updated,
  unchanged: counts.unchanged,
  confirmed_before: counts.resumed,
  refused: counts.refusedHere + counts.refusedByEdge,
  truncated: counts.truncated,
  deleted: counts.deleted,
  left: left(counts),
  seconds,
});

const linesOf = (counts: Counts, { dryRun, prune }: ReportOptions, seconds: number, uploads: number): string[] => {
  const refused = counts.refusedHere + counts.refusedByEdge;
  const answered = counts.created + counts.updated + counts.unchanged + counts.refusedByEdge;
  const ignored = counts.ignored > 0 ? `, ${count(counts.ignored)} ignored by .gitignore` : '';
  const files = `${count(counts.files)} ${counts.files === 1 ? 'file' : 'files'}, ${count(counts.passed)} passed over${ignored}`;
  const examples = `${count(counts.examples)} ${counts.examples === 1 ? 'example' : 'examples'} of ${count(counts.characters)} characters`;
  if (dryRun) {
    const up = `about ${count(uploads)} ${uploads === 1 ? 'upload' : 'uploads'}`;
    return [`${files}; ${examples} would go up in ${up}; ${count(refused)} refused. Nothing was sent.`];
  }
  const rate = answered === 0 ? '' : `, ${count(Math.round(answered / seconds))} examples/s`;
  const results = [
    `created ${count(counts.created)}`,
    `updated ${count(counts.updated)}`,
    `unchanged ${count(counts.unchanged)}`,
    ...(counts.resumed > 0 ? [`confirmed before ${count(counts.resumed)}`] : []),
    `refused ${count(refused)}`,
    ...(prune ? [`deleted ${count(counts.deleted)}`] : []),
    ...(left(counts) > 0 ? [`read but not confirmed ${count(left(counts))}`] : []),
  ];
  const short = `of ${count(counts.truncated)} the embedder reads only the beginning: --chunk cuts them`;
  return [
    `${files}; ${examples}; ${duration(seconds)}${rate}`,
    results.join('  '),
    ...(counts.truncated > 0 ? [short] : []),
  ];
};

export const report = (options: ReportOptions): Report => {
  const { console, draw, columns, now, verbose, allBytes } = options;
  const counts = noCounts();
  const refusals = reasons();
  const passings = reasons();
  const started = now();
  let waiting: string | undefined;
  let saidToWait = false;
  let isOver = false;
  const state: Report = {
    counts,
    bytes: 0,
    get isOver() {
      return isOver;
    },
    line: meter(
      draw,
      () =>
        progressLine(counts, {
          ms: now() - started,
          bytes: state.bytes,
          allBytes,
          waiting,
          dryRun: options.dryRun,
        }),
      columns,
    ),
    wait(why, ms) {
      waiting = `waiting ${duration(ms / 1000)}: ${why}`;
      state.line.update('now');
      if (draw === undefined && !saidToWait) console.note(`waiting for the edge: ${why}`);
      saidToWait = true;
    },
    goOn() {
      waiting = undefined;
      saidToWait = false;
    },
    tell(item) {
      const { type, place, reason } = item;
      if (type === 'passed') counts.passed += 1;
      (type === 'refused' ? refusals : passings).add(item);
      console.emit({ type, ...place, ...(type === 'refused' && item.id !== undefined ? { id: item.id } : {}), reason });
      if (!verbose || console.json) return;
      state.note(`${type === 'refused' ? 'refused' : 'passed over'}: ${nameOnOneLine(named(place))}: ${reason}`);
    },
    note(message) {
      state.line.clear();
      console.note(message);
    },
    end(end, uploads) {
      isOver = true;
      state.line.end();
      const seconds = (now() - started) / 1000;
      const estimated = uploads === undefined ? {} : { estimated_uploads: uploads };
      console.emit({ type: 'summary', end, ...summaryOf(counts, options, seconds), ...estimated });
      if (console.json) return;
      console.note(...refusals.sorted().map((one) => told('refused', one)));
      if (!verbose) console.note(...passings.sorted().map((one) => told('passed over', one)));
      console.say(...linesOf(counts, options, seconds, uploads ?? 0));
    },
  };
  return state;
};
