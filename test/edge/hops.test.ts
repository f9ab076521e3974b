// What each route costs in calls that leave the Worker, one after the other or at once, counted on the whole Worker with
// bindings that record; and where a corpus' Durable Objects are made. docs/global.md holds the tables as they are made here:
//   WRITE_DOCS=1 npx vitest run test/edge/hops.test.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { distanceKm, REGIONS, type Region } from '../../wire/regions.ts';
import { World } from './gateway-world.ts';
import { type Hop, type Recorded, RecordedEdge, vectorOf } from './recorded-edge.ts';

vi.mock('cloudflare:workers', () => import('./durable.ts'));
vi.mock('../../functions/kernel/module.workerd.ts', async () => {
  const { loadKernel } = await import('../../functions/kernel/module.node.ts');
  const kernel = await loadKernel();
  return { isolateKernel: () => kernel };
});
// the bundled embedder computes in the Worker, and so does this one
vi.mock('../../functions/embedding/choose.ts', async () => {
  const { DIMENSIONS, vectorOf: ofNumber } = await import('./recorded-edge.ts');
  const numberOf = (text: string) => Array.from(text).reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  const embed = async (texts: readonly string[]) => texts.map((text) => Float32Array.from(ofNumber(numberOf(text))));
  return { chooseEmbedder: () => ({ name: 'fake', dimensions: DIMENSIONS, embed }) };
});

/** Enough for three rounds of 50. */
const EXAMPLES = 400;
/** Too long for a vector's metadata. */
const LONG = 'x'.repeat(11_000);
const linesOf = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ id: `e${i}`, text: text(i), vector: vectorOf(i) })).join(
    '\n',
  );
const short = (i: number) => `text number ${i}`;
const upload = (edge: RecordedEdge, corpus: string, body: string, cf?: object, headers: HeadersInit = {}) =>
  edge.send(`/v1/corpora/${corpus}/examples`, { method: 'POST', body, headers }, cf);

const SHORT_NAMES: Readonly<Record<string, string>> = {
  CorpusList: 'DO list',
  Catalogue: 'DO catalogue',
  Meter: 'DO meter',
  Idempotency: 'DO idempotency',
  KeyRing: 'DO keys',
};
const nameOf = ({ to, what }: Hop): string => {
  if (to === 'DO') return SHORT_NAMES[what.split('.')[0] ?? ''] ?? what;
  if (to === 'KV') return what.startsWith('KEYS') ? 'KV keys' : 'KV selections';
  if (to === 'gateway') return what.endsWith('/v1/models') ? 'gateway (models)' : 'gateway';
  return to;
};

/** Runs of one name as `name × 3`. */
const runs = (names: readonly string[]): string => {
  const parts: { name: string; count: number }[] = [];
  for (const name of names) {
    const last = parts.at(-1);
    if (last?.name === name) last.count += 1;
    else parts.push({ name, count: 1 });
  }
  return parts.map(({ name, count }) => (count === 1 ? name : `${name} × ${count}`)).join(' → ');
};

const atOnce = (hops: readonly Hop[]): string => {
  const counts = Map.groupBy(hops.map(nameOf).sort(), (name) => name);
  return Array.from(counts, ([name, { length }]) => (length === 1 ? name : `${length} ${name} at once`)).join(' + ');
};

interface Row {
  readonly request: string;
  readonly isolate: 'new' | 'warm';
  readonly recorded: Recorded;
}

const tableOf = (rows: readonly Row[]): string =>
  [
    '| request | isolate | waits | what the caller waits for, in this order | beside the answer |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ request, isolate, recorded: { waits, beside } }) =>
        `| ${request} | ${isolate} | ${waits.length} | ${runs(waits.map(atOnce)) || 'nothing'} | ${atOnce(beside) || '—'} |`,
    ),
  ].join('\n');

/** Of the deployment in the documents' example. */
const HOME: Region = 'weur';
const GATEWAYS: readonly Region[] = ['weur', 'enam', 'apac'];

/** Kilometres there and back that a request's waits travel, from a caller's region: as the Worker runs, and beside the index. */
const ways = (from: Region, { recorded: { waits } }: Row): readonly [near: number, beside: number] => {
  const nearest = [...GATEWAYS].sort((a, b) => distanceKm(from, a) - distanceKm(from, b))[0] ?? HOME;
  const isFar = ({ to, what }: Hop): boolean =>
    to === 'Vectorize' || to === 'R2' || /^(Catalogue|CorpusList)\./.test(what);
  const stores = waits.filter((hops) => hops.some(isFar)).length;
  const gateways = waits.filter((hops) => hops.some(({ to }) => to === 'gateway')).length;
  const to = distanceKm(from, HOME);
  return [2 * (stores * to + gateways * distanceKm(from, nearest)), 2 * (to + gateways * distanceKm(HOME, nearest))];
};

const CONTINENTS: Readonly<Record<Region, string>> = {
  wnam: 'North America, west',
  enam: 'North America, east',
  sam: 'South America, Antarctica',
  weur: 'Europe, west',
  eeur: 'Europe, east',
  apac: 'Asia, east of 60° E',
  oc: 'Oceania',
  afr: 'Africa',
  me: 'Asia, west of 60° E',
};

const waysTable = (rows: readonly Row[]): string => {
  const named = [
    'select from candidates sent along',
    'select by text, one round',
    'select by text',
    'completion `:sift`',
  ];
  const found = named.flatMap((name) => rows.filter(({ request, isolate }) => request === name && isolate === 'warm'));
  expect(found).toHaveLength(named.length);
  return [
    `| caller's continent | region | ${named.join(' | ')} |`,
    `|---|---|${named.map(() => '---|').join('')}`,
    ...REGIONS.map((from) => {
      const cells = found.map((row) => ways(from, row).join(' / '));
      return `| ${CONTINENTS[from]} | \`${from}\` | ${cells.join(' | ')} |`;
    }),
  ].join('\n');
};

const DOCS = new URL('../../docs/global.md', import.meta.url);
const between = (name: string) => new RegExp(`(<!-- ${name} -->\n)([\\s\\S]*?)(\n<!-- end of ${name} -->)`);
const agrees = (name: string, table: string): void => {
  const docs = readFileSync(DOCS, 'utf8');
  if (process.env.WRITE_DOCS === '1') writeFileSync(DOCS, docs.replace(between(name), `$1${table}$3`));
  else expect(between(name).exec(docs)?.[2], 'WRITE_DOCS=1 writes it').toBe(table);
};

const gatewaysOf = (world: World) =>
  JSON.stringify(world.gateways.map(({ url }, i) => ({ name: `g${i}`, url, region: REGIONS[i] })));

let worlds = 0;
const worldOf = (count: number) =>
  new World(
    Array.from({ length: count }, (_, i) => `g${i}`),
    `hops${worlds++}`,
  );
const started = async (count = 1, vars: object = {}) => {
  vi.resetModules();
  const world = worldOf(count);
  const url = world.gateways[0]?.url;
  const edge = await RecordedEdge.start(
    world,
    count === 1 ? { GATEWAY_URL: url, ...vars } : { GATEWAYS: gatewaysOf(world) },
  );
  return { edge, world };
};

describe('what a request costs', () => {
  it('in calls that leave the Worker is what docs/global.md says', { timeout: 120_000 }, async () => {
    const rows: Row[] = [];
    const { edge } = await started();
    const authorization = async () => {
      const made = await edge.post('/v1/keys', { scopes: ['read', 'select', 'generate', 'write'], corpora: 'all' });
      return { authorization: `Bearer ${JSON.parse(made.text).key}` };
    };
    const headers = await authorization();
    const ask = (path: string, body: object) =>
      edge.send(path, { method: 'POST', body: JSON.stringify(body), headers });
    const isolate = async () => {
      vi.resetModules();
      await edge.anotherIsolate();
    };
    const put = (request: string, state: Row['isolate'], recorded: Recorded) => {
      expect([request, recorded.response.status, recorded.text.includes('"error"')]).toEqual([request, 200, false]);
      rows.push({ request, isolate: state, recorded });
    };
    const both = async (request: string, work: () => Promise<Recorded>) => {
      await isolate();
      put(request, 'new', await work());
      put(request, 'warm', await work());
    };

    await isolate();
    // 24 lines are one batch, however slow the machine is
    put(
      'upload of 24 examples, the first of a corpus',
      'new',
      await upload(edge, 'c', linesOf(24, short), {}, headers),
    );
    put('the same 24 again, unchanged', 'warm', await upload(edge, 'c', linesOf(24, short), {}, headers));
    await upload(edge, 'c', linesOf(EXAMPLES, short), {}, headers);
    await upload(
      edge,
      'long',
      linesOf(24, (i) => `${i} ${LONG}`),
      {},
      headers,
    );
    await both('select by vector', () => ask('/v1/select', { corpus: 'c', vector: vectorOf(3), n: 5 }));
    await both('select by text', () => ask('/v1/select', { corpus: 'c', input: 'hello', n: 5 }));
    await both('select by text, one round', () => ask('/v1/select', { corpus: 'c', input: 'hello', n: 5, rounds: 1 }));
    put(
      'select by text, 5 picks longer than 10 KiB, one round',
      'warm',
      await (async () => {
        const body = { corpus: 'long', input: 'hello', n: 5, rounds: 1 };
        await ask('/v1/select', body);
        return ask('/v1/select', body);
      })(),
    );
    const candidates = [0, 1, 2].map((i) => ({ id: `${i}`, vector: vectorOf(i) }));
    await both('select from candidates sent along', () => ask('/v1/select', { candidates, vector: vectorOf(3), n: 2 }));
    const { id } = JSON.parse((await ask('/v1/select', { corpus: 'c', input: 'hello', n: 5 })).text);
    put('a selection by its id, where it was made', 'warm', await edge.send(`/v1/selections/${id}`, { headers }));
    await both('embeddings', () => ask('/v1/embeddings', { model: 'fake', input: 'hello' }));
    const complete = { model: 'base', prompt: 'hello' };
    await both('completion, base model', () => ask('/v1/completions', complete));
    const tuned = { model: 'base:sift', prompt: 'hello', sift: { corpus: 'c', n: 5 } };
    await both('completion `:sift`', () => ask('/v1/completions', tuned));
    const repeated = { ...headers, 'idempotency-key': 'once' };
    put(
      'completion `:sift` with an Idempotency-Key',
      'warm',
      await edge.send('/v1/completions', { method: 'POST', body: JSON.stringify(tuned), headers: repeated }),
    );

    const several = (await started(3)).edge;
    await upload(several, 'c', linesOf(EXAMPLES, short));
    const more = () => several.post('/v1/completions', tuned);
    vi.resetModules();
    await several.anotherIsolate();
    put('completion `:sift`, three gateways', 'new', await more());
    put('completion `:sift`, three gateways', 'warm', await more());
    agrees('hops', tableOf(rows));
    agrees('ways', waysTable(rows));
  });

  it('over so far a way is what docs/global.md says', () => {
    const lines = REGIONS.map((from) => {
      const order = [...REGIONS].sort((a, b) => distanceKm(from, a) - distanceKm(from, b));
      return `| \`${from}\` | ${order
        .slice(1)
        .map((to) => `\`${to}\` ${distanceKm(from, to)}`)
        .join(', ')} |`;
    });
    agrees('distances', ['| region | others, the nearest first, in km |', '|---|---|', ...lines].join('\n'));
  });
});

describe('a corpus’ Durable Objects', () => {
  const EU = { continent: 'EU', longitude: '2.35' };
  const OC = { continent: 'OC', longitude: '151.2' };

  it('are made in the region of who uploads first: the first call for each names it', async () => {
    const { edge } = await started();
    await upload(edge, 'c', linesOf(3, short), EU);
    const firstOf = (object: string) => edge.objects.find((one) => one.object === object)?.locationHint;
    expect([firstOf('CorpusList'), firstOf('Catalogue')]).toEqual(['weur', 'weur']);
  });

  it('or of who declares it first', async () => {
    const { edge } = await started();
    await edge.send('/v1/corpora/c', { method: 'PUT' }, OC);
    const firstOf = (object: string) => edge.objects.find((one) => one.object === object)?.locationHint;
    expect([firstOf('CorpusList'), firstOf('Catalogue')]).toEqual(['oc', 'oc']);
  });

  it('are left to Cloudflare where nobody knows the caller’s region', async () => {
    const { edge } = await started();
    await upload(edge, 'c', linesOf(3, short), { continent: 'T1' });
    expect(new Set(edge.objects.map(({ locationHint }) => locationHint))).toEqual(new Set([undefined]));
  });

  it('stay out of it where no corpus is made: a reader names no region, and nothing else has one', async () => {
    const { edge } = await started();
    await upload(edge, 'c', linesOf(3, short), EU);
    edge.objects.length = 0;
    const headers = { 'idempotency-key': 'once' };
    const body = JSON.stringify({ model: 'base:sift', prompt: 'x', sift: { corpus: 'c', n: 2 } });
    await edge.send('/v1/completions', { method: 'POST', body, headers }, OC);
    await edge.post('/v1/keys', { scopes: ['read'] }, OC);
    await edge.send('/v1/corpora/c', {}, OC);
    await edge.send('/v1/corpora/c/examples/e1', { method: 'DELETE' }, OC);
    expect(new Set(edge.objects.map(({ object }) => object))).toEqual(
      new Set(['Catalogue', 'CorpusList', 'Idempotency', 'KeyRing', 'Meter']),
    );
    expect(edge.objects.filter(({ locationHint }) => locationHint !== undefined)).toEqual([]);
  });
});

describe('several gateways behind the whole Worker', () => {
  const EU = { continent: 'EU', longitude: '2.35' };
  it('answer with the name of the one that served', async () => {
    const { edge, world } = await started(4);
    // the fourth stands in western Europe
    const near = await edge.post('/v1/completions', { model: 'base', prompt: 'hello' }, EU);
    expect([near.response.status, near.response.headers.get('x-sift-gateway')]).toEqual([200, 'g3']);
    const fourth = world.gateways[3];
    if (fourth !== undefined) fourth.work = ['busy'];
    const next = await edge.post('/v1/completions', { model: 'base', prompt: 'hello' }, EU);
    expect(next.response.status).toBe(200);
    expect(next.response.headers.get('x-sift-gateway')).toBe('g1');
  });

  it('are all told in /ready, which one that is well makes ready', async () => {
    const { edge, world } = await started(3);
    const first = world.gateways[0];
    if (first !== undefined) first.lists = 'refused';
    const { response, text } = await edge.send('/ready');
    expect(response.status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      status: 'ready',
      checks: { gateway: 'ok', gateways: { g0: 'gateway_unreachable', g1: 'ok', g2: 'ok' } },
    });
    expect(text).not.toContain('.test');
  });

  it('are named in the list of models', async () => {
    const { edge, world } = await started(3);
    const second = world.gateways[1];
    if (second !== undefined) second.models = ['base', 'large'];
    const { text } = await edge.send('/v1/models');
    const named = JSON.parse(text).data.map(({ id, gateways }: { id: string; gateways?: string[] }) => [
      id,
      gateways?.length,
    ]);
    expect(Object.fromEntries(named)).toMatchObject({ base: 3, 'base:sift': 3, large: 1, 'large:sift': 1 });
    const one = await edge.send('/v1/models/none');
    expect(one.response.status).toBe(404);
  });
});
