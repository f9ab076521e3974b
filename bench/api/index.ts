// `npm run bench -- api [--only edge|gateway] [--requests N] [--seconds S] [--json] [--quick]`: what a request costs here that
// is neither a model nor the index: selections and completions at the edge, and the gateway at rising load, with a backend that
// answers at once and an index that answers from memory. Beside each figure stands its ratio to a bare Hono route of the same
// kind of server in the same run. Some two and a half minutes on two cores; processor times are of Linux alone.
// Trade-off: everything shares this machine's cores with the client that measures it. The Worker's processor time includes the
// call to the index's stand-in, which lives in the same workerd.
import { cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildKernel } from '../../assembly/build.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { buildSite } from '../../site/build.ts';
import { benchEdge, type Row } from './edge.ts';
import { closeConnections } from './exchange.ts';
import { HEAD, lineOf } from './figures.ts';
import { benchGateway, type LoadRow } from './gateway.ts';
import { makeBundles, type Server, startBareWorkerd, startServer } from './servers.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const RATES = [100, 250, 500] as const;
/** What is to be reached on two idle cores: milliseconds. */
const TARGETS = { selectCpu: 3, gatewayP50: 2, gatewayP99: 13 } as const;

const verdict = (name: string, ms: number | null, target: number): string => {
  if (ms === null) return `${name}: not known on this system (target ≤ ${target} ms)`;
  return `${name}: ${ms.toFixed(2)} ms, target ≤ ${target} ms: ${ms <= target ? 'reached' : 'missed'}`;
};

const above = (own: number | null, bare: number | null): number | null =>
  own === null || bare === null ? null : own - bare;

const verdicts = (rows: readonly Row[], loads: readonly LoadRow[]): string[] => {
  const select = rows.find(({ name }) => name === 'select, 1 round, vector');
  const most = loads.filter(({ rate }) => rate === RATES.at(-1));
  return [
    ...(select === undefined
      ? []
      : [
          verdict('CPU of a warm selection of 20 from one round', select.own.cpu, TARGETS.selectCpu),
          // whose own time is nearly all Miniflare's entry, which no Worker in production has before it
          verdict('  the same above a bare Worker', above(select.own.cpu, select.bare.cpu), TARGETS.selectCpu),
        ]),
    ...most.flatMap(({ name, rate, own, bare }) => [
      verdict(`gateway, ${name}, ${rate}/s, p50 above bare`, own.p50 - bare.p50, TARGETS.gatewayP50),
      verdict(`gateway, ${name}, ${rate}/s, p99 above bare`, own.p99 - bare.p99, TARGETS.gatewayP99),
    ]),
  ];
};

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      requests: { type: 'string', default: '300' },
      seconds: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const requests = values.quick ? 40 : Number(values.requests);
  const seconds = values.quick ? 1 : Number(values.seconds);
  const say = (...lines: string[]): void => {
    if (!values.json) for (const line of lines) console.log(line);
  };
  await Promise.all([buildKernel(), buildSite()]);
  const about = {
    machine: cpus()[0]?.model,
    cores: cpus().length,
    load: loadavg()[0],
    node: process.version,
  };
  say(`${about.machine}, ${about.cores} cores, load ${about.load?.toFixed(1)}, Node ${about.node}`);
  const running: Server[] = [];
  const started = async (server: Promise<Server>): Promise<Server> => {
    running.push(await server);
    return server;
  };
  const rows: Row[] = [];
  const loads: LoadRow[] = [];
  try {
    const gateway = await started(startServer('gateway'));
    if (values.only !== 'gateway') {
      const embedder = await embedderFiles(join(ROOT, 'models/embedder'));
      const bundles = await makeBundles(ROOT, embedder);
      const bare = await started(startBareWorkerd(bundles));
      say('', `edge, one at a time${' '.repeat(25)}${HEAD}   (ratios to a bare Hono Worker)`);
      const onRow = (row: Row): void => {
        rows.push(row);
        say(
          lineOf(row.name, row.own, row.bare) +
            (row.behind == null ? '' : `   gateway CPU ${row.behind.toFixed(2)} ms`),
        );
      };
      await benchEdge({ root: ROOT, bundles, embedder, gateway, bare, requests, colds: values.quick ? 1 : 5, onRow });
    }
    if (values.only !== 'edge') {
      const bare = await started(startServer('bare'));
      say('', `gateway, requests a second${' '.repeat(18)}${HEAD}   (ratios to a bare Hono server)`);
      const onRow = (row: LoadRow): void => {
        loads.push(row);
        say(lineOf(`${row.name}, ${row.rate}/s`, row.own, row.bare), lineOf(`  bare, ${row.rate}/s`, row.bare));
      };
      await benchGateway({ gateway, bare, rates: RATES, windows: values.quick ? 1 : 3, seconds, onRow });
    }
  } finally {
    closeConnections();
    await Promise.all(running.map((server) => server.stop()));
  }
  if (values.json) console.log(JSON.stringify({ ...about, targets: TARGETS, rows, loads }));
  else say('', ...verdicts(rows, loads));
};
