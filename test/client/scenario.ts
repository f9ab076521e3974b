// What an application does with the client, from its first example to the deletion of its corpus: the same in every place
// where the client runs, and the same account of it.
import { type ClientOptions, createClient, SiftError } from '../../client/index.ts';

export interface Account {
  readonly progress: readonly number[];
  readonly picks: readonly string[];
  readonly unchanged: boolean;
  readonly fetched: boolean;
  readonly gone: string;
  readonly unknown: { readonly status: number | undefined; readonly code: string; readonly param: string | null };
  readonly text: string;
  readonly sift: readonly string[];
  readonly left: string;
  readonly ids: readonly string[];
  readonly vectors: number;
  readonly deleted: boolean;
}

const failureOf = async (work: Promise<unknown>): Promise<SiftError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SiftError) return error;
  throw new Error(`it did not fail as it should: ${error}`);
};

export const scenario = async (options: ClientOptions, corpus: string): Promise<Account> => {
  const client = createClient(options);
  const progress: number[] = [];
  async function* examples() {
    for (const [id, text] of [
      ['router', 'The router matches the path of a request.'],
      ['cookie', 'A cookie is set with a name and a value.'],
      ['cats', 'Cats sleep for most of the day.'],
    ]) {
      yield { id, text };
    }
  }
  await client.ingest(corpus, examples(), { batch: 2, onProgress: ({ done }) => void progress.push(done) });

  const body = { corpus, input: 'How does a router match?', n: 2 };
  const first = await client.select(body);
  const again = await client.select(body, first);
  const { id = '' } = first.selection as { id?: string };
  const kept = await client.selection(id);
  const same = await client.selection(id, kept);

  const events = { text: '', sift: [] as string[] };
  const chat = {
    model: 'base:sift',
    messages: [{ role: 'user' as const, content: body.input }],
    sift: { corpus, n: 2 },
  };
  for await (const event of client.generate(chat)) {
    if (event.type === 'text') events.text += event.text;
    if (event.type === 'sift') events.sift.push(event.name);
  }
  let left = '';
  for await (const event of client.generate({ model: 'base', prompt: 'Say' })) {
    if (event.type !== 'text') continue;
    left = event.text;
    break;
  }

  const ids: string[] = [];
  for await (const entry of client.examples(corpus)) ids.push(entry.id);
  const models = await client.models();
  const embedder = models.data.find(({ kind }) => kind === 'embed');
  const embedded = await client.embed({ model: embedder?.id ?? '', input: ['one', 'two'] });
  await client.deleteExample(corpus, first.selection.picks[0]?.id ?? '');
  const gone = await failureOf(client.selection(id));
  const { status, code, param } = await failureOf(client.select({ ...body, corpus: `no-${corpus}` }));
  await client.deleteCorpus(corpus);
  return {
    progress,
    picks: first.selection.picks.map((pick) => pick.id),
    unchanged: again === first,
    fetched: JSON.stringify(kept.selection) === JSON.stringify(first.selection) && same === kept,
    gone: gone.code,
    unknown: { status, code, param },
    text: events.text,
    sift: [...new Set(events.sift)],
    left,
    ids,
    vectors: embedded.data.length,
    deleted: (await client.corpus(corpus)) === undefined,
  };
};
