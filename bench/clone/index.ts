// `npm run bench -- clone [--cold] [--json]`: seconds from a fresh clone of HEAD to the first answer, as somebody who types the
// README's commands has them: `git clone`, `npm ci`, `npm start` (without its demonstration), a selection, a tuned completion.
// npm takes packages from its cache where it has them; with --cold the cache is empty, and the registry's distance counts.
// The clone is of this repository's own disk: what a network adds to it is not in the figures.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { createClient } from '../../client/index.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROMPT = 'How do I stream a response?';
const command = promisify(execFile);

/** A user's own Node and npm, and nothing that this run was told. */
const userEnvironment = (cache: string | undefined): NodeJS.ProcessEnv => {
  const { NODE_OPTIONS: _, SIFT_STATE: __, ...env } = process.env;
  const own = Object.entries(env).filter(([name]) => !/^npm_/i.test(name));
  const path = (env.PATH ?? '').split(delimiter).filter((part) => !part.includes('node_modules'));
  return {
    ...Object.fromEntries(own),
    PATH: path.join(delimiter),
    ...(cache === undefined ? {} : { npm_config_cache: cache }),
  };
};

interface Ready {
  readonly edge: string;
  readonly key: string;
  readonly corpus: string;
}

/** The first line of `npm start -- --json`, or why there is none. */
const readyOf = async (server: ChildProcess): Promise<Ready> => {
  if (server.stdout === null) throw new Error('the server has no stdout');
  for await (const line of createInterface(server.stdout)) {
    if (line.startsWith('{')) return JSON.parse(line) as Ready;
  }
  throw new Error('npm start ended before it was ready');
};

/** Runs each part once and tells how long it took. */
const watch = () => {
  const seconds: [string, number][] = [];
  const from = performance.now();
  return {
    seconds,
    total: () => (performance.now() - from) / 1000,
    async time<T>(name: string, work: () => Promise<T>): Promise<T> {
      const started = performance.now();
      const result = await work();
      seconds.push([name, (performance.now() - started) / 1000]);
      return result;
    },
  };
};

export const run = async (args: readonly string[]): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cold: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const work = await mkdtemp(join(tmpdir(), 'sift-clone-'));
  const clone = join(work, 'sift-edge');
  const env = userEnvironment(values.cold ? join(work, 'cache') : undefined);
  const npm = { cwd: clone, env, maxBuffer: 2 ** 26 };
  // what else runs here makes every figure longer: it is told beside them
  const [load = 0] = loadavg();
  const { seconds, total, time } = watch();
  let server: ChildProcess | undefined;
  try {
    await time('git clone', () => command('git', ['clone', '--quiet', '--no-hardlinks', ROOT, clone], { env }));
    await time('npm ci', () => command('npm', ['ci', ...(values.cold ? [] : ['--prefer-offline'])], npm));
    const started = ['start', '--silent', '--', '--no-demo', '--json', '--port', '0', '--gateway-port', '0'];
    const ready = await time('npm start, until the corpus is indexed', () => {
      // a group of its own, so that it ends with what it started
      server = spawn('npm', started, { ...npm, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
      return readyOf(server);
    });
    const client = createClient({ baseURL: ready.edge, key: ready.key, retries: 0 });
    const asked = { corpus: ready.corpus, input: PROMPT, n: 10 };
    await time('first selection', () => client.select(asked));
    const body = { model: 'base:sift', prompt: PROMPT, max_tokens: 64, sift: { corpus: ready.corpus, n: 10 } };
    const events = client.generate(body);
    await time('first token of an answer, ten steps before it', async () => {
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error('the answer has no text');
        if (value.type === 'text') return;
      }
    });
    const all = total();
    await events.return();
    const rows = [...seconds, ['in all', all] as const];
    if (values.json)
      process.stdout.write(`${JSON.stringify({ cold: values.cold, load, seconds: Object.fromEntries(rows) })}\n`);
    else {
      const width = Math.max(...rows.map(([name]) => name.length));
      const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value.toFixed(1).padStart(6)} s`);
      const processor = cpus()[0]?.model ?? 'unknown processor';
      const cache = values.cold ? 'npm cache empty' : 'npm cache as it was';
      process.stdout.write(
        `${lines.join('\n')}\n${availableParallelism()} cores, ${processor}; ${cache}; load before it ${load.toFixed(1)}\n`,
      );
    }
  } finally {
    if (server?.pid !== undefined && server.exitCode === null) {
      process.kill(-server.pid, 'SIGINT');
      await once(server, 'exit');
    }
    await rm(work, { recursive: true, force: true });
  }
};
