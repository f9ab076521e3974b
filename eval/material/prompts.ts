// Which documents become prompts, and how a document is split: its beginning is the prompt, what follows the continuation.
// Neither a prompt's document nor a twin of it enters the corpus. Documents are drawn in an order that depends on their
// paths alone, with a limit on how many one package gives.
import { createHash } from 'node:crypto';
import { shareIn } from '../../corpus/shingles.ts';
import { at } from '../../wire/list.ts';
import type { Source } from './sources.ts';
import { runsOf, SHINGLE, TWIN_SHARE } from './twins.ts';

/** Characters of a prompt and of its continuation. */
export const HALF = 800;

export interface Prompt {
  readonly id: string;
  readonly domain: string;
  readonly group: string;
  /** The text that examples are selected for, and that generation would continue. */
  readonly prompt: string;
  readonly continuation: string;
  /** The whole document. */
  readonly document: string;
}

/** Study: the prompts that the tables are of. Tuning: those that learning rates are chosen on. */
export interface PromptSets {
  readonly study: readonly Prompt[];
  readonly tuning: readonly Prompt[];
}

export interface Drawn extends PromptSets {
  /** Documents of the corpus: neither a prompt's own nor a twin of one. */
  readonly corpus: readonly Source[];
}

/** Splits at the end of a line where one ends in the second half of the prompt, so that no word is cut in two. */
export const splitOf = ({ domain, group, path, text }: Source): Prompt | undefined => {
  if (text.length < 2 * HALF) return undefined;
  const line = text.lastIndexOf('\n', HALF) + 1;
  const at = line > HALF / 2 ? line : HALF;
  const prompt = text.slice(0, at);
  const continuation = text.slice(at, at + HALF);
  return prompt.trim() === '' || continuation.trim() === ''
    ? undefined
    : { id: path, domain, group, prompt, continuation, document: text };
};

const mark = (text: string): string => createHash('sha256').update(text).digest('hex');
const byMark = <T>(values: readonly T[], of: (value: T) => string): T[] =>
  values
    .map((value) => ({ value, mark: mark(of(value)) }))
    .sort((a, b) => (a.mark < b.mark ? -1 : 1))
    .map(({ value }) => value);

/** Takes the first of each group, then the second of each, and so on. */
export const roundRobin = <T>(groups: readonly (readonly T[])[]): T[] => {
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => groups.flatMap((group) => group.slice(i, i + 1))).flat();
};

/** The share of a domain's prompts that one package may give, so that no package is the domain. */
const MOST_OF_GROUP = 0.2;

/** Documents that can be split, in the order of their paths' hashes; what a package has beyond its share comes last. */
const candidatesOf = (sources: readonly Source[], wanted: number): Prompt[] => {
  const prompts = byMark(
    sources.flatMap((source) => splitOf(source) ?? []),
    ({ id }) => id,
  );
  const most = Math.max(1, Math.floor(wanted * MOST_OF_GROUP));
  const taken = new Map<string, number>();
  const late: Prompt[] = [];
  const early = prompts.filter((prompt) => {
    const count = (taken.get(prompt.group) ?? 0) + 1;
    taken.set(prompt.group, count);
    if (count > most) late.push(prompt);
    return count <= most;
  });
  return [...early, ...late];
};

/** Twins: the document holds most of the prompt and its continuation, or the prompt's document holds most of it. */
const isTwinOf = (document: ReadonlySet<number>, asked: ReadonlySet<number>, whole: ReadonlySet<number>): boolean =>
  shareIn(asked, document) > TWIN_SHARE || shareIn(document, whole) > TWIN_SHARE;

export interface DrawOptions {
  /** Prompts of a domain; a domain takes fewer if its documents would be used up. */
  readonly study: number;
  readonly tuning: number;
  /** Only these domains give prompts; absent: all that can give at least `least` of them. */
  readonly domains?: readonly string[];
  readonly least: number;
  /** The share of a domain's documents that may become prompts; the others remain to learn from. */
  readonly share?: number;
}

const MOST_ASKED = 0.5;

export const draw = (sources: readonly Source[], options: DrawOptions): PromptSets => {
  const study: Prompt[][] = [];
  const tuning: Prompt[][] = [];
  for (const [domain, members] of Map.groupBy(sources, (source) => source.domain)) {
    if (options.domains !== undefined && !options.domains.includes(domain)) continue;
    const candidates = candidatesOf(members, options.study).slice(
      0,
      Math.floor(members.length * (options.share ?? MOST_ASKED)),
    );
    if (candidates.length < options.least) continue;
    // the study's prompts are taken first, so that the number of tuning prompts does not change them
    study.push(candidates.slice(0, options.study));
    tuning.push(candidates.slice(options.study, options.study + options.tuning));
  }
  return { study: roundRobin(study), tuning: roundRobin(tuning) };
};

/** The documents of the corpus: no prompt's own document, no twin of one. */
export const withoutPromptTwins = (sources: readonly Source[], prompts: readonly Prompt[]): Source[] => {
  const own = new Set(prompts.map(({ id }) => id));
  const asked = prompts.map(({ prompt, continuation, document }) => ({
    asked: runsOf(prompt + continuation, SHINGLE),
    whole: runsOf(document, SHINGLE),
  }));
  // only prompts that share a shingle at all are compared
  const holders = new Map<number, number[]>();
  for (const [i, { whole }] of asked.entries())
    for (const run of whole) holders.set(run, [...(holders.get(run) ?? []), i]);
  return sources.filter(({ path, text }) => {
    if (own.has(path)) return false;
    const runs = runsOf(text, SHINGLE);
    const near = new Set<number>();
    for (const run of runs) for (const i of holders.get(run) ?? []) near.add(i);
    return ![...near].some((i) => isTwinOf(runs, at(asked, i).asked, at(asked, i).whole));
  });
};
