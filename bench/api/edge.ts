// The edge, one request at a time: selections and completions, each in turn with a request to a bare Hono Worker, so that both
// meet the same machine. A cold selection is the first one of a workerd that was started for it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ingest } from '../../cli/index.ts';
import { createClient } from '../../client/index.ts';
import { starterCorpus } from '../../corpus/documents.ts';
import { examplesOf } from '../../corpus/examples.ts';
import type { EmbedderFiles } from '../../local/embedder.ts';
import { at } from '../../wire/list.ts';
import { post } from './exchange.ts';
import { type Figures, figuresOf } from './figures.ts';
import { processorMs } from './processor.ts';
import { type Bundles, KEY, type Server, startEdgeServer } from './servers.ts';

/** Examples of the corpus; a pool holds fifty of them a round whatever the size. */
const EXAMPLES = 1_000;
/** Prompts, none of which is an example. */
const PROMPTS = 100;
const PICKS = 20;
const AUTHORIZED = { authorization: `Bearer ${KEY}` };

export interface Row {
  readonly name: string;
  readonly own: Figures;
  readonly bare: Figures;
  /** Of the process behind the edge, where there is one. */
  readonly behind?: number | null;
}

interface Prompt {
  readonly text: string;
  readonly vector: string;
}

type Body = (prompt: Prompt) => object;
const selecting =
  (more: object, by: 'input' | 'vector'): Body =>
  ({ text, vector }) => ({ corpus: 'bench', n: PICKS, store: false, ...more, [by]: by === 'input' ? text : vector });

const SELECTIONS: readonly (readonly [string, Body])[] = [
  ['select, 1 round, vector', selecting({ rounds: 1 }, 'vector')],
  ['select, 1 round, text', selecting({ rounds: 1 }, 'input')],
  ['select, 3 rounds, vector', selecting({}, 'vector')],
  ['select, 3 rounds, text', selecting({}, 'input')],
  ['select, 1 round, vector, ids and scores only', selecting({ rounds: 1, fields: ['id', 'score'] }, 'vector')],
  ['select, 1 round, vector, kept in the local KV', selecting({ rounds: 1, store: true }, 'vector')],
];
const sift = (vector: string) => ({ corpus: 'bench', n: 10, rounds: 1, vector });
const COMPLETIONS: readonly (readonly [string, Body])[] = [
  ['completion, whole', ({ text }) => ({ model: 'base', prompt: text })],
  ['completion, streamed', ({ text }) => ({ model: 'base', prompt: text, stream: true })],
  [
    ':sift, 10 picks of 1 round, vector, streamed',
    ({ text, vector }) => ({ model: 'base:sift', prompt: text, stream: true, sift: sift(vector) }),
  ],
];

const material = async (root: string): Promise<{ examples: ReturnType<typeof examplesOf>; texts: string[] }> => {
  const all = examplesOf((await starterCorpus(join(root, 'node_modules'))).documents);
  // spread over the documents, and the prompts from between
  const step = Math.floor(all.length / EXAMPLES);
  const examples = Array.from({ length: EXAMPLES }, (_, i) => at(all, i * step));
  const texts = Array.from({ length: PROMPTS }, (_, i) =>
    at(all, i * 9 * step + Math.floor(step / 2)).text.slice(0, 700),
  );
  return { examples, texts };
};

const promptsOf = async (edge: Server, texts: readonly string[], model: string): Promise<Prompt[]> => {
  const asked = { url: `${edge.url}/v1/embeddings`, headers: AUTHORIZED };
  const body = JSON.stringify({ model, input: texts, input_type: 'query', encoding_format: 'base64' });
  const { data } = JSON.parse(await post({ ...asked, body })) as { data: { embedding: string }[] };
  return texts.map((text, i) => ({ text, vector: at(data, i).embedding }));
};

/** Milliseconds of each, in turns, and what of the processors they took. */
const inTurns = async (
  requests: number,
  sides: readonly { server: Server; ask: (i: number) => Promise<unknown> }[],
): Promise<Figures[]> => {
  const times = sides.map((): number[] => []);
  const before = await Promise.all(sides.map(({ server }) => processorMs(server.pid)));
  for (let i = 0; i < requests; i++) {
    for (const [side, { ask }] of sides.entries()) {
      const from = performance.now();
      await ask(i);
      times[side]?.push(performance.now() - from);
    }
  }
  const after = await Promise.all(sides.map(({ server }) => processorMs(server.pid)));
  return times.map((own, side) => {
    const [from, to] = [before[side], after[side]];
    return figuresOf(own, from === undefined || to === undefined ? undefined : to - from);
  });
};

export interface EdgeBench {
  readonly root: string;
  readonly bundles: Bundles;
  readonly embedder: EmbedderFiles;
  readonly gateway: Server;
  readonly bare: Server;
  readonly requests: number;
  readonly colds: number;
  readonly onRow: (row: Row) => void;
}

const asking = (server: Server, path: string, body: (i: number) => object) => ({
  server,
  ask: (i: number) => post({ url: server.url + path, body: JSON.stringify(body(i)), headers: AUTHORIZED }),
});

export const benchEdge = async ({ root, bundles, embedder, gateway, bare, requests, colds, onRow }: EdgeBench) => {
  const state = await mkdtemp(join(tmpdir(), 'sift-bench-'));
  const start = () => startEdgeServer(bundles, { root, state, embedder, gatewayUrl: gateway.url });
  let edge = await start();
  try {
    const { examples, texts } = await material(root);
    await ingest(createClient({ baseURL: edge.url, key: KEY }), 'bench', examples);
    const prompts = await promptsOf(edge, texts, `onnx:${embedder.config.model}`);
    const rows = [
      ...SELECTIONS.map(([name, body]) => ({ name, path: '/v1/select', body })),
      ...COMPLETIONS.map(([name, body]) => ({ name, path: '/v1/completions', body })),
    ];
    for (const { name, path, body } of rows) {
      const ask = (i: number): object => body(at(prompts, i % prompts.length));
      const own = asking(edge, path, ask);
      const sides = [own, asking(bare, '/bare', ask)];
      // every answer of the index is then known, and every path compiled
      for (let i = 0; i < Math.max(PROMPTS, requests / 2); i++) for (const side of sides) await side.ask(i);
      const behind = await processorMs(gateway.pid);
      const taken = await inTurns(requests, sides);
      const behindMs = await processorMs(gateway.pid);
      const through = path === '/v1/completions' && behind !== undefined && behindMs !== undefined;
      onRow({
        name,
        own: at(taken, 0),
        bare: at(taken, 1),
        ...(through ? { behind: (behindMs - behind) / requests } : {}),
      });
    }
    const ask = (i: number): object => selecting({ rounds: 1 }, 'input')(at(prompts, i));
    const cold: Figures[] = [];
    const plain: Figures[] = [];
    for (let i = 0; i < colds; i++) {
      await edge.stop();
      edge = await start();
      const sides = [asking(edge, '/v1/select', () => ask(i)), asking(bare, '/bare', () => ask(i))];
      const taken = await inTurns(1, sides);
      cold.push(at(taken, 0));
      plain.push(at(taken, 1));
    }
    const together = (all: readonly Figures[]): Figures => {
      const cpu = all.map((one) => one.cpu);
      const known = cpu.every((ms) => ms !== null) ? cpu.reduce((sum, ms) => sum + ms, 0) : undefined;
      return figuresOf(
        all.map(({ p50 }) => p50),
        known,
      );
    };
    if (colds > 0)
      onRow({ name: 'select, 1 round, text, cold, local index too', own: together(cold), bare: together(plain) });
  } finally {
    await edge.stop();
    await rm(state, { recursive: true, force: true });
  }
};
