// `npm run bench -- deploy`: from an empty account to a deployed selection, by the command itself with the real wrangler,
// against the scripted Cloudflare on loopback: commands, requests and seconds, first and again. Seconds are those of this
// machine alone (build, bundling, a local edge that answers for the Worker); Cloudflare's own come on top.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { startCloudflare, TOKEN } from '../../test/deploy/cloudflare.ts';
import { startWorker } from '../../test/deploy/worker.ts';
import { median } from '../statistics.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const KEY = 'sk-of-this-bench';
const NAME = 'sift-edge';
const RUNS = 5;

interface Row {
  readonly what: string;
  readonly commands: number;
  readonly requests: number;
  readonly medianSeconds: number;
}

export const run = async (args: readonly string[]): Promise<void> => {
  const runs = args.includes('--quick') ? 1 : RUNS;
  const directory = await mkdtemp(join(tmpdir(), 'sift-bench-deploy-'));
  const edge = await startEdge({
    ...{ root, port: 0, state: join(directory, 'edge'), apiKey: KEY, gatewayUrl: '', gatewaySecret: 's' },
    defaultCorpus: '',
    embedder: await embedderFiles(join(root, 'models/embedder')),
  });
  const rows: Row[] = [];
  try {
    for (const embedder of ['onnx', 'workers-ai']) {
      const seconds = { first: [] as number[], again: [] as number[] };
      const requests = { first: 0, again: 0 };
      for (let i = 0; i < runs; i += 1) {
        const cf = await startCloudflare();
        const worker = await startWorker(cf.model, NAME, { url: edge.url, key: KEY });
        const state = join(directory, `${embedder}-${i}`);
        const deploy = async (which: 'first' | 'again'): Promise<void> => {
          cf.model.asked.length = 0;
          const started = performance.now();
          await promisify(execFile)(
            process.execPath,
            [join(root, 'cli/sift-edge.ts'), 'deploy', '--embedder', embedder, '--url', worker.url],
            {
              env: {
                ...{ PATH: process.env.PATH, HOME: directory, SIFT_STATE: state },
                ...{ CLOUDFLARE_API_TOKEN: TOKEN, CLOUDFLARE_API_BASE_URL: cf.url },
                SIFT_KEY: cf.model.scripts.get(NAME)?.secrets.get('API_KEY'),
              },
            },
          );
          seconds[which].push((performance.now() - started) / 1000);
          requests[which] = cf.model.asked.length;
        };
        try {
          await deploy('first');
          await deploy('again');
        } finally {
          await worker.close();
          await cf.close();
        }
      }
      for (const which of ['first', 'again'] as const) {
        const what = `${embedder}, ${which === 'first' ? 'an empty account' : 'run again'}`;
        rows.push({ what, commands: 1, requests: requests[which], medianSeconds: median(seconds[which]) });
      }
    }
  } finally {
    await edge.close();
    await rm(directory, { recursive: true, force: true });
  }
  if (args.includes('--json')) return console.log(JSON.stringify(rows));
  console.log(`from one command to a checked selection, scripted Cloudflare on loopback, ${runs} runs each`);
  for (const { what, commands, requests, medianSeconds } of rows) {
    console.log(`${what.padEnd(30)} ${commands} command  ${requests} requests  ${medianSeconds.toFixed(1)} s (median)`);
  }
};
