// The gateway's own time at rising load: its backend answers at once, so that all that is measured is the gateway, the loopback
// and this client. Open loop: requests are sent when their time has come, whether earlier ones were answered or not, and each
// is timed from the moment that it was due; a server that falls behind cannot hide it. A bare Hono server in a process of its
// own gets the same bodies at the same rate in turns with it. Requests are signed before their window begins.
import { at } from '../../wire/list.ts';
import { SIGNATURE_HEADER, signRequest } from '../../wire/signature.ts';
import { type Asked, post } from './exchange.ts';
import { type Figures, figuresOf } from './figures.ts';
import { processorMs } from './processor.ts';
import { GATEWAY_SECRET, type Server } from './servers.ts';

const TEXT = 'An example as it comes out of a corpus, some seven hundred characters long. '.repeat(9);
const picks = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: `example-${i}`, text: `${i} ${TEXT}` }));

export const LOADS: readonly { readonly name: string; readonly body: string }[] = [
  { name: 'plain completion', body: JSON.stringify({ tenant: 'bench', model: 'base', prompt: TEXT, stream: true }) },
  {
    name: '10 picks',
    body: JSON.stringify({ tenant: 'bench', model: 'base', prompt: TEXT, picks: picks(10), stream: true }),
  },
];

const signed = async (gateway: Server, body: string, count: number): Promise<Asked[]> => {
  const target = { method: 'POST', path: '/v1/tune', body: new TextEncoder().encode(body) };
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { header } = await signRequest(GATEWAY_SECRET, target, Date.now());
      return { url: `${gateway.url}${target.path}`, body, headers: { [SIGNATURE_HEADER]: header } };
    }),
  );
};

/** Milliseconds of each, from when it was due. */
const window = async (requests: readonly Asked[], rate: number): Promise<number[]> => {
  const times: number[] = [];
  const sent: Promise<void>[] = [];
  const from = performance.now();
  const dueMs = (i: number): number => from + (1000 * i) / rate;
  let next = 0;
  await new Promise<void>((resolve) => {
    const send = (): void => {
      for (; next < requests.length && dueMs(next) <= performance.now(); next++) {
        const due = dueMs(next);
        const answered = post(at(requests, next)).then(() => void times.push(performance.now() - due));
        answered.catch(() => {}); // told when all are awaited
        sent.push(answered);
      }
      if (next < requests.length) setTimeout(send, Math.max(0, dueMs(next) - performance.now()));
      else resolve();
    };
    send();
  });
  await Promise.all(sent);
  return times;
};

export interface LoadRow {
  readonly name: string;
  readonly rate: number;
  readonly own: Figures;
  readonly bare: Figures;
}

export interface GatewayBench {
  readonly gateway: Server;
  readonly bare: Server;
  readonly rates: readonly number[];
  /** Windows of each server at each rate, and how long each is. */
  readonly windows: number;
  readonly seconds: number;
  readonly onRow: (row: LoadRow) => void;
}

export const benchGateway = async ({ gateway, bare, rates, windows, seconds, onRow }: GatewayBench): Promise<void> => {
  for (const { name, body } of LOADS) {
    const asked = (server: Server, count: number): Promise<Asked[]> | Asked[] =>
      server === gateway
        ? signed(gateway, body, count)
        : Array.from({ length: count }, () => ({ url: `${bare.url}/bare`, body, headers: {} }));
    // compiled, and connections there
    for (const server of [bare, gateway]) await window(await asked(server, 300), 200);
    for (const rate of rates) {
      const sides = [gateway, bare].map((server) => ({ server, times: [] as number[], cpu: 0 as number | undefined }));
      for (let i = 0; i < windows; i++) {
        for (const side of sides) {
          const requests = await asked(side.server, Math.round(rate * seconds));
          const before = await processorMs(side.server.pid);
          side.times.push(...(await window(requests, rate)));
          const after = await processorMs(side.server.pid);
          side.cpu = before === undefined || after === undefined ? undefined : (side.cpu ?? 0) + after - before;
        }
      }
      const [own, plain] = sides.map(({ times, cpu }) => figuresOf(times, cpu));
      if (own !== undefined && plain !== undefined) onRow({ name, rate, own, bare: plain });
    }
  }
};
