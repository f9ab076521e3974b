// `sift-edge ingest`: files, directories or stdin into a corpus.

import { UsageError } from '../../wire/usage.ts';
import type { Cutting } from '../ingest/cut.ts';
import type { Kind } from '../ingest/kinds.ts';
import type { Command, Given, Values } from './command.ts';
import { filterableOf, flag, number, text, texts } from './values.ts';

/** As in cli/ingest/kinds.ts, which is loaded when the command runs. */
const KINDS: readonly Kind[] = ['text', 'markdown', 'html', 'csv', 'tsv', 'jsonl', 'pdf'];

const cuttingOf = async (values: Values): Promise<{ cutting: Cutting; overlap?: number }> => {
  const { overlapProblem } = await import('../../wire/api/corpora.ts');
  const { CHUNK_OVERLAP_SHARE, INGEST_CHUNK, MAX_CHUNK, MIN_CHUNK } = await import('../../wire/limits.ts');
  const chunk = text(values, 'chunk');
  const overlap = number(values, 'overlap', { least: 0, most: MAX_CHUNK });
  const given = overlap === undefined ? {} : { overlap };
  if (chunk === 'off') {
    if (overlap !== undefined) throw new UsageError('--overlap is of chunks, it cannot go with --chunk off');
    return { cutting: { by: 'nobody' } };
  }
  const size =
    chunk === undefined || chunk === 'server'
      ? INGEST_CHUNK
      : (number(values, 'chunk', { least: MIN_CHUNK, most: MAX_CHUNK }) ?? INGEST_CHUNK);
  const problem = overlapProblem(size, overlap);
  if (problem !== undefined) throw new UsageError(`--overlap ${problem}`);
  if (chunk === 'server') return { cutting: { by: 'edge' }, ...given };
  const own = overlap ?? Math.round(size * CHUNK_OVERLAP_SHARE);
  return { cutting: { by: 'here', size, overlap: own, rows: chunk !== undefined } };
};

const run = async ({ console, input, positionals, values, env, server: serverOf, client }: Given) => {
  const [paths = []] = positionals;
  const [
    { runIngest },
    { metaFields },
    { stateDirectory },
    limits,
    { setTimeout: sleep },
    { keyOf },
    { typedLine },
    api,
  ] = await Promise.all([
    import('../ingest/run.ts'),
    import('../ingest/fields.ts'),
    import('../ingest/journal.ts'),
    import('../../wire/limits.ts'),
    import('node:timers/promises'),
    import('../server.ts'),
    import('../ask/confirm.ts'),
    import('../../wire/api/corpora.ts'),
  ]);
  const server = serverOf();
  const corpus = text(values, 'corpus');
  if (corpus === undefined) throw new UsageError('--corpus NAME is missing: into which corpus?');
  const named = api.corpusName.safeParse(corpus);
  if (!named.success) throw new UsageError(`--corpus '${corpus}' ${named.error.issues[0]?.message ?? ''}`);
  const wanted = Array.isArray(paths) ? (paths as readonly string[]) : [String(paths)];
  if (wanted.filter((path) => path === '-').length > 1) throw new UsageError("'-' is named twice, there is one stdin");
  const isAsking = input.interactive && !wanted.includes('-');
  const dryRun = flag(values, 'dryRun');
  const yes = flag(values, 'yes');
  if (flag(values, 'prune') && !yes && !isAsking && !dryRun) {
    throw new UsageError('--prune deletes: without a terminal to ask at, it needs --yes');
  }
  const name = text(values, 'name');
  const as = text(values, 'as') as Kind | undefined;
  const textField = text(values, 'textColumn') ?? text(values, 'textField');
  const idField = text(values, 'idColumn') ?? text(values, 'idField');
  const patience = number(values, 'patience', { least: 0, most: limits.MAX_INGEST_PATIENCE_S });
  return await runIngest(
    {
      paths: wanted,
      corpus,
      ignoreFiles: values.ignore !== false,
      ...(name === undefined ? {} : { name }),
      ...(as === undefined ? {} : { as }),
      fields: {
        ...(textField === undefined ? {} : { text: textField }),
        ...(idField === undefined ? {} : { id: idField }),
        meta: metaFields(text(values, 'metaColumns') ?? text(values, 'metaFields')),
      },
      ...(await cuttingOf(values)),
      meta: texts(values, 'meta'),
      filterable: filterableOf(texts(values, 'filterable')),
      prune: flag(values, 'prune'),
      resume: values.resume !== false && !flag(values, 'fresh'),
      dryRun,
      verbose: flag(values, 'verbose'),
      patienceMs: 1000 * (patience ?? limits.INGEST_PATIENCE_S),
      server,
      key: keyOf(values, env, server)?.key ?? '',
    },
    {
      ...(dryRun ? {} : { client: client({ retries: 0 }) }),
      console,
      stdin: process.stdin,
      ...(console.interactive ? { draw: (line: string) => void process.stderr.write(line) } : {}),
      columns: () => process.stderr.columns || 80,
      confirm: async (question) =>
        yes || /^y(es)?$/i.test((await typedLine({ console, input }, `${question} [y/N]`)) ?? ''),
      clock: { now: () => performance.now(), sleep: (ms, signal) => sleep(ms, undefined, { signal }) },
      state: stateDirectory(env),
    },
  );
};

export const ingest: Command = {
  name: 'ingest',
  summary: 'files, directories or stdin into a corpus',
  details:
    'Reads Markdown, code, text, HTML, PDF, CSV and JSONL, cuts documents into chunks, and uploads them.\n' +
    'The same again changes nothing; after an interruption the same command goes on where it was.',
  remote: true,
  positionals: [{ name: '<paths...>', summary: "directories, files, or '-' for stdin", values: 'file' }],
  flags: [
    { flags: '--corpus <name>', summary: 'the corpus; made if it is not there' },
    { flags: '--as <kind>', summary: 'what stdin and files named here are (default: by name)', values: KINDS },
    { flags: '--name <text>', summary: "the input's name, which sources and ids begin with (default: the file's own)" },
    {
      flags: '--chunk <size>',
      summary: "characters of a chunk, 'off', or 'server': the edge cuts (default: documents 700, rows off)",
    },
    { flags: '--overlap <characters>', summary: 'what a chunk repeats of the one before (default: three quarters)' },
    { flags: '--text-column <name>', summary: 'column of the text (default: text, content or body)' },
    { flags: '--id-column <name>', summary: 'column of the id (default: made from the content)' },
    { flags: '--meta-columns <list>', summary: 'columns for the metadata: lang,year=published.year' },
    { flags: '--text-field <path>', summary: 'the same of JSONL, a dotted path' },
    { flags: '--id-field <path>', summary: 'the same of JSONL, a dotted path' },
    { flags: '--meta-fields <list>', summary: 'the same of JSONL, dotted paths' },
    { flags: '--meta <name=value>', summary: 'metadata of every example', many: true },
    {
      flags: '--filterable <name:type>',
      summary: 'what a new corpus declares for filters: lang, year:number',
      many: true,
    },
    { flags: '--prune', summary: 'delete examples of these inputs that are no longer in them' },
    { flags: '-y, --yes', summary: 'do not ask before deleting' },
    { flags: '--no-ignore', summary: 'read what a .gitignore leaves out' },
    { flags: '--no-resume', summary: 'send everything, whatever an interrupted run had confirmed' },
    { flags: '--fresh', summary: 'the same as --no-resume' },
    { flags: '--patience <seconds>', summary: 'how long a busy edge is waited for without progress (default: 120)' },
    { flags: '--dry-run', summary: 'read and cut everything, send nothing; needs no key' },
    { flags: '--verbose', summary: 'name every file that is passed over and every line that is refused' },
  ],
  examples: [
    'sift-edge ingest ./docs --corpus docs',
    'sift-edge ingest articles.csv --corpus news --text-column body --id-column id --meta-columns lang,year',
    "jq -c '{id, text}' dump.json | sift-edge ingest - --corpus dump",
    'sift-edge ingest ./docs --corpus docs --prune --yes',
    'sift-edge ingest ./docs --corpus docs --dry-run',
  ],
  run,
};
