// `npm start`: builds, starts the gateway with the embedded backend and the edge with the local Vectorize, indexes a
// corpus, shows the main job on documents of it, and keeps serving. This file is the order of the steps.
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Gathered, ownCorpus, starterCorpus } from '../corpus/documents.ts';
import { embedderFiles, triedEmbedder } from '../local/embedder.ts';
import { lockState } from '../local/lock.ts';
import { startStack } from '../local/stack.ts';
import { checkState, checkWritable } from '../local/storage.ts';
import { MAX_DEFAULT_WORKERS, SHUTDOWN_GRACE_MS } from '../wire/limits.ts';
import { UsageError } from './arguments.ts';
import { demonstrate } from './demo.ts';
import { describeFiles, describeIndexed, describeLeftOut, onWire } from './describe.ts';
import { indexCorpus } from './index.ts';
import { type Lifetime, watchLifetime } from './lifetime.ts';
import { DEFAULT_EMBEDDER, DEFAULT_MODEL, HELP, type Options, parseOptions } from './options.ts';
import { progress } from './progress.ts';
import { choosePrompts } from './prompt.ts';
import { render } from './report.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
// SIFT_STATE: another place for what is kept between starts (tests, or several corpora side by side)
const STATE = resolve(process.env.SIFT_STATE ?? join(ROOT, '.sift'));

/** Rejects with a sentence if a port is taken; 0 is always free. */
const checkPort = async (port: number, option: string): Promise<void> => {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        new UsageError(
          error.code === 'EADDRINUSE'
            ? `port ${port} is taken: stop what listens there, or give --${option} another (0 finds a free one)`
            : `cannot listen on port ${port}: ${error.message}`,
        ),
      ),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => done()));
  });
};

/** A corpus, the name that it is indexed under, and the real directory that its documents' paths are below. */
const gather = async (directory: string | undefined): Promise<{ gathered: Gathered; corpus: string; root: string }> => {
  if (directory === undefined) {
    const root = join(ROOT, 'node_modules');
    return { gathered: await starterCorpus(root), corpus: 'starter', root };
  }
  const gathered = await ownCorpus(directory);
  const mark = createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 12);
  return { gathered, corpus: `own-${mark}`, root: await realpath(directory) };
};

const main = async (options: Options, lifetime: Lifetime): Promise<void> => {
  const started = performance.now();
  const say = (...lines: string[]): void => {
    if (!options.json) process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  };
  const emit = (value: unknown): void => {
    if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  const { ms, time } = steps();
  await checkPort(options.port, 'port');
  await checkPort(options.gatewayPort, 'gateway-port');
  const { gathered, corpus, root } = await gather(options.corpus);
  const prompts = options.demo ? await choosePrompts(options, gathered.documents, root) : undefined;
  const read = options.embedder === DEFAULT_EMBEDDER ? embedderFiles : triedEmbedder;
  const embedder = await read(resolve(ROOT, options.embedder));
  // an index holds vectors of one model only: another embedder has a state of its own
  const state =
    options.embedder === DEFAULT_EMBEDDER ? STATE : join(STATE, `embedder-${embedder.fingerprint.slice(0, 12)}`);
  await checkWritable(STATE);
  await lockState(STATE);
  await checkState(state);

  const workers =
    options.workers ?? (options.model === DEFAULT_MODEL ? Math.min(availableParallelism(), MAX_DEFAULT_WORKERS) : 1);
  const { model, port, gatewayPort } = options;
  const stack = await time('start', () =>
    startStack({ root: ROOT, state, model, workers, embedder, port, gatewayPort, defaultCorpus: corpus }),
  );
  lifetime.onEnd(() => stack.close(SHUTDOWN_GRACE_MS));
  try {
    say(...embedder.notes.map((note) => `embedder: ${note}`));
    say(...describeFiles(corpus, gathered, options));
    const indexed = await time('index', () => indexCorpus(stack.client, embedder, state, corpus, gathered.documents));
    say(...describeIndexed(indexed, options.verbose));
    if (indexed.examples === 0) {
      throw new UsageError(
        `every example was refused, the first because: ${indexed.refused[0]?.reason ?? 'none was made'}`,
      );
    }
    emit({
      ready: true,
      edge: stack.edge,
      gateway: stack.gateway,
      key: stack.key,
      ...onWire(corpus, gathered, indexed),
    });
    if (prompts !== undefined) {
      say(...describeLeftOut(options, prompts));
      const bar = progress('tuning', 2 * prompts.prompts.length + 2);
      const onProgress = bar.update;
      const shown = await demonstrate(stack.client, prompts, { corpus, n: options.n, parallel: workers, onProgress });
      bar.end();
      const report = { ...shown, ms: { ...ms, ...shown.ms, total: performance.now() - started } };
      say(render(report, prompts.leftOut.length));
      emit({ report });
    }
    if (options.once) return await stack.close();
    say(`edge     ${stack.edge}`, `gateway  ${stack.gateway}`, `key      ${stack.key}`, '');
    say(
      `curl ${stack.edge}/v1/select -H 'authorization: Bearer ${stack.key}' -H 'content-type: application/json' \\`,
      `  -d '{"corpus":"${corpus}","input":"How do I stream a response?","n":5}'`,
      '',
      'Ctrl-C stops it.',
    );
  } catch (error) {
    await stack.close();
    throw error;
  }
};

/** Milliseconds of the steps before the demonstration, each done once. */
const steps = () => {
  const ms: Record<string, number> = {};
  const time = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const result = await work();
    ms[step] = performance.now() - from;
    return result;
  };
  return { ms, time };
};

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else {
    await main(options, watchLifetime(SHUTDOWN_GRACE_MS));
    if (options.once) process.exit(0);
  }
} catch (error) {
  const isUsage = error instanceof UsageError;
  const text = error instanceof Error ? ((isUsage ? undefined : error.stack) ?? error.message) : String(error);
  process.stderr.write(`sift-edge: ${text}\n`);
  process.exit(isUsage ? 1 : 2);
}
