// The probe of a first start: a grid of rates tried on some documents of the corpus that was just indexed, left out of the
// selection, as `npm run calibrate` does, but for a limited time only. What was finished by then counts. Trade-off: a few
// documents say little, so that the rule by size stays where they are certain of nothing (rates.ts).

import type { SiftClient } from '../client/index.ts';
import type { Document } from '../corpus/documents.ts';
import type { TuningDefaults } from '../gateway/backends/contract.ts';
import type { Probe } from '../local/state.ts';
import { CALIBRATION_DOCUMENTS, PROBE_LEAST_DOCUMENTS, PROBE_MS } from '../wire/limits.ts';
import { UsageError } from './arguments.ts';
import { CALIBRATION_SEED, drawDocuments, withoutSources } from './draw.ts';
import { waysOf } from './grid.ts';
import { measure } from './measure.ts';
import { progress } from './progress.ts';
import { cut, type Prompt } from './prompt.ts';
import { choose, summaryOf, type Tried, type Way } from './rates.ts';
import { ratesTable, tableOnFile } from './rates-table.ts';

export interface ProbeOptions {
  readonly edge: Pick<SiftClient, 'select' | 'score'>;
  readonly corpus: string;
  readonly documents: readonly Document[];
  /** Sources that are kept for other uses, such as the demonstration's. */
  readonly apart: readonly string[];
  readonly n: number;
  readonly parameters: number;
  /** How the model is tuned as things stand. */
  readonly defaults: TuningDefaults;
  readonly parallel: number;
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
}

const wayOf = ({ method, learningRate }: TuningDefaults): Way => ({ method, learningRate: learningRate[method] });

/** Documents that can be cut in two. */
const promptsOf = (documents: readonly Document[]): Prompt[] =>
  documents.flatMap(({ path, text }) => {
    try {
      return [cut(text, path)];
    } catch (error) {
      if (error instanceof UsageError) return [];
      throw error;
    }
  });

/**
 * What the documents say of the rate. Where none of the grid saves anything it is the smallest of them, which does least
 * harm, but one or two documents are no reason for that.
 */
export const conclude = (tried: readonly Tried[], there: Way): { chosen?: Way; why: string } => {
  const documents = tried[0]?.before.length ?? 0;
  const chosen = choose(tried, there);
  if (documents === 0)
    return {
      why: 'no document was finished with every rate, so the rule by size stands; npm run calibrate measures without a limit of time',
    };
  if (chosen !== undefined) {
    const { method, learningRate, isCertain } = chosen;
    return { chosen: { method, learningRate }, why: isCertain ? 'it saves bits' : 'no saving is certain on so little' };
  }
  if (documents < PROBE_LEAST_DOCUMENTS) {
    return { why: 'no rate saves bits here, but on too few documents to conclude anything: the rule by size stands' };
  }
  const smallest = tried.toSorted((a, b) => a.learningRate - b.learningRate)[0];
  const why = 'no rate is sure to do no harm, so the smallest was taken: tuning may not pay on this text';
  return smallest === undefined ? { why } : { chosen: smallest, why };
};

/**
 * Tries the rates and says what was found; undefined where the corpus has no document to spare. Rejects with the signal's
 * reason, or with what went wrong.
 */
export const probe = async (options: ProbeOptions, say: (...lines: string[]) => void): Promise<Probe | undefined> => {
  const { edge, corpus, n, parameters, defaults, parallel, signal } = options;
  const limitMs = options.limitMs ?? PROBE_MS;
  const apart = new Set(options.apart);
  const others = options.documents.filter(({ path }) => !apart.has(path));
  const { documents, leftOut } = drawDocuments(others, CALIBRATION_DOCUMENTS, CALIBRATION_SEED);
  const prompts = promptsOf(documents);
  if (prompts.length === 0) return undefined;
  const ways = waysOf(defaults.method, parameters);
  const bar = progress('probing', ways.length * prompts.length, { limitMs });
  let done = 0;
  bar.update(done);
  // a score may take long: the time that is left goes down meanwhile
  const ticking = setInterval(() => bar.update(done), 1_000);
  const filter = withoutSources(leftOut);
  const bound = { limitMs, ...(signal === undefined ? {} : { signal }) };
  const trial = { edge, corpus, n, rank: defaults.rank, prompts, filter, parallel, ...bound };
  const onDone = (count: number): void => {
    done = count;
    bar.update(done);
  };
  const tried = await measure(trial, ways, onDone).finally(() => {
    clearInterval(ticking);
    bar.end();
  });
  const finished = tried[0]?.before.length ?? 0;
  const summaries = finished === 0 ? [] : tried.map(summaryOf);
  const { chosen, why } = conclude(tried, wayOf(defaults));
  say(
    ...(finished === 0 ? [] : ratesTable(summaries, finished)),
    `  ${finished} of ${prompts.length} documents within ${limitMs / 1000} s, ${n} ${n === 1 ? 'step' : 'steps'} each: ${why}`,
  );
  return {
    date: new Date().toISOString().slice(0, 10),
    documents: finished,
    table: tableOnFile(summaries),
    ...(chosen === undefined ? {} : { chosen: { method: chosen.method, learning_rate: chosen.learningRate } }),
  };
};
