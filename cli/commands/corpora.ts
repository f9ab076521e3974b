// `sift-edge corpora`: what the edge holds, and what of it is to go. `sift-edge ingest` puts something in.
import { MAX_CHUNK, MAX_STRIPES, MIN_CHUNK } from '../../wire/limits.ts';
import { CommandError, EXIT, type ExitCode } from '../exit.ts';
import type { Command, Flag, Given } from './command.ts';
import { filterableOf, flag, json, number, given as only, text, texts } from './values.ts';

const nameOf = ({ positionals: [name] }: Given): string => String(name);
const NAME = { name: '<name>', summary: 'its name' } as const;
const YES: Flag = { flags: '-y, --yes', summary: 'do not ask first' };

const absent = (name: string): CommandError => new CommandError(`there is no corpus '${name}'`);

const calls = async (given: Given) => {
  const { corporaOf } = await import('../corpora/calls.ts');
  return corporaOf(given.client({ retries: 0 }), given.console.signal);
};

const list: Command = {
  name: 'list',
  summary: 'the names of all',
  remote: true,
  async run(given) {
    for await (const name of (await calls(given)).names()) {
      given.console.say(name);
      given.console.emit({ corpus: name });
    }
    return undefined;
  },
};

const show: Command = {
  name: 'show',
  summary: 'one corpus: its size, filters, and how its vectors lie',
  remote: true,
  positionals: [NAME],
  async run(given) {
    const name = nameOf(given);
    const { corpusLines } = await import('../corpora/described.ts');
    const corpus = await given.client({ retries: 0 }).corpus(name, { signal: given.console.signal });
    if (corpus === undefined) throw absent(name);
    given.console.say(...corpusLines(corpus));
    given.console.emit(corpus);
    return undefined;
  },
};

const create: Command = {
  name: 'create',
  summary: 'make a corpus, or change what it declares',
  details:
    'An upload makes a corpus as well; this says beforehand what may be filtered by, and how long texts are cut.',
  remote: true,
  positionals: [NAME],
  flags: [
    {
      flags: '--filterable <name:type>',
      summary: 'metadata that filters may name: lang, year:number, draft:boolean',
      many: true,
    },
    { flags: '--chunk <characters>', summary: `cut long texts into so many characters, ${MIN_CHUNK} to ${MAX_CHUNK}` },
    { flags: '--overlap <characters>', summary: 'which a chunk shares with the one before (default three quarters)' },
    { flags: '--stripes <count>', summary: `namespaces that it is spread over, 1 to ${MAX_STRIPES}` },
  ],
  examples: ['sift-edge corpora create docs --filterable lang --filterable year:number --chunk 700'],
  async run(given) {
    const { console, values } = given;
    const filterable = filterableOf(texts(values, 'filterable'));
    const size = number(values, 'chunk', { least: MIN_CHUNK, most: MAX_CHUNK });
    const overlap = number(values, 'overlap', { least: 0, most: MAX_CHUNK });
    if (overlap !== undefined && size === undefined) throw new CommandError('--overlap needs --chunk', EXIT.usage);
    const stripes = number(values, 'stripes', { least: 1, most: MAX_STRIPES });
    const chunk = size === undefined ? undefined : { size, ...only({ overlap }) };
    const body = {
      ...(Object.keys(filterable).length === 0 ? {} : { filterable }),
      ...only({ chunk, stripes }),
    };
    const corpus = await given.client({ retries: 0 }).createCorpus(nameOf(given), body, { signal: console.signal });
    const { corpusLines } = await import('../corpora/described.ts');
    console.say(...corpusLines(corpus));
    console.emit(corpus);
    return undefined;
  },
};

const remove: Command = {
  name: 'delete',
  summary: 'delete a corpus with everything in it',
  remote: true,
  positionals: [NAME],
  flags: [YES],
  async run(given) {
    const { console } = given;
    const name = nameOf(given);
    const corpus = await given.client({ retries: 0 }).corpus(name, { signal: console.signal });
    if (corpus === undefined) throw absent(name);
    const { confirm } = await import('../ask/confirm.ts');
    await confirm(given, `this deletes the corpus '${name}' with ${corpus.examples} examples`, name);
    const answer = await (await calls(given)).remove(name);
    console.say(`deleted ${name}: ${answer.examples} examples`);
    console.emit(answer);
    return undefined;
  },
};

const examples: Command = {
  name: 'examples',
  summary: 'the examples of a corpus by their ids, or one of them whole',
  remote: true,
  positionals: [NAME, { name: '[id]', summary: 'one example, with its text' }],
  async run(given) {
    const { console, positionals } = given;
    const name = nameOf(given);
    const [, id] = positionals;
    const { printable } = await import('../ask/shown.ts');
    const shown = (one: string): string => (console.terminal === true ? printable(one) : one);
    if (typeof id === 'string') {
      const example = await (await calls(given)).example(name, id);
      const { text: whole, source, metadata } = example;
      console.say(shown(whole ?? '(a vector without text)'));
      console.emit(example);
      if (!console.json) {
        console.note(
          `source ${source ?? '–'}  metadata ${JSON.stringify(metadata)}${example.indexed ? '' : '  not indexed yet'}`,
        );
      }
      return undefined;
    }
    const client = given.client({ retries: 0 });
    if ((await client.corpus(name, { signal: console.signal })) === undefined) throw absent(name);
    for await (const entry of client.examples(name, { signal: console.signal })) {
      console.say(shown(`${entry.id}  ${entry.bytes} bytes`));
      console.emit(entry);
    }
    return undefined;
  },
};

const exported: Command = {
  name: 'export',
  summary: 'everything in a corpus, a line of JSON each, to be given to ingest again',
  remote: true,
  positionals: [NAME],
  flags: [
    {
      flags: '--output <file>',
      summary: 'write to a file, which appears when it is whole (default: stdout)',
      values: 'file',
    },
    { flags: '--vectors', summary: 'the vectors too: an edge with the same embedder then embeds nothing again' },
  ],
  examples: ['sift-edge corpora export docs --vectors --output docs.jsonl'],
  async run(given) {
    const { console, values } = given;
    const name = nameOf(given);
    const lines = (await calls(given)).lines(name, flag(values, 'vectors'));
    const { writeLines } = await import('../corpora/export.ts');
    const count = await writeLines(lines, text(values, 'output'), console);
    if (console.interactive) console.note(`${count} examples`);
    return undefined;
  },
};

/** Ids of the command line; what was not there is said, and does not stop the others. */
const removeIds = async (given: Given, name: string, ids: readonly string[]): Promise<ExitCode> => {
  const { console } = given;
  const { removeExample } = await calls(given);
  const { SiftError } = await import('../../client/index.ts');
  let missing = 0;
  for (const id of ids) {
    try {
      const answer = await removeExample(name, id);
      console.say(`deleted ${id}${answer.chunks === undefined ? '' : `: ${answer.chunks} chunks`}`);
      console.emit(answer);
    } catch (error) {
      if (!(error instanceof SiftError) || error.code !== 'unknown_example') throw error;
      missing += 1;
      console.note(error.message);
    }
  }
  return missing === 0 ? EXIT.ok : missing === ids.length ? EXIT.failed : EXIT.partly;
};

const deleteExamples: Command = {
  name: 'delete-examples',
  summary: 'delete some examples: by their ids, or by a filter',
  remote: true,
  positionals: [NAME, { name: '[ids...]', summary: 'which' }],
  flags: [{ flags: '--filter <json>', summary: 'all with this metadata: {"source":"old.md"}' }, YES],
  examples: [
    'sift-edge corpora delete-examples docs guide.md#3',
    `sift-edge corpora delete-examples docs --filter '{"source":"old.md"}' --yes`,
  ],
  async run(given) {
    const { console, positionals, values } = given;
    const name = nameOf(given);
    const ids = (positionals[1] ?? []) as readonly string[];
    const filter = json(values, 'filter');
    if ((filter === undefined) === (ids.length === 0)) {
      throw new CommandError('give the ids of examples, or --filter', EXIT.usage);
    }
    if (filter === undefined) return removeIds(given, name, ids);
    const { confirm } = await import('../ask/confirm.ts');
    await confirm(given, `this deletes every example of '${name}' with ${JSON.stringify(filter)}`, name);
    let [deleted, late] = [0, 0];
    for await (const part of (await calls(given)).removeWhere(name, filter)) {
      deleted += part.deleted;
      late += part.late;
      console.emit(part);
    }
    console.say(`deleted ${deleted} examples`);
    if (late === 0) return EXIT.ok;
    console.note(`${late} were written too lately to be looked at: run it again in some minutes`);
    return EXIT.partly;
  },
};

export const corpora: Command = {
  name: 'corpora',
  summary: 'list, show, make, export and delete corpora',
  subcommands: [list, show, create, remove, examples, exported, deleteExamples],
};
