// `npm start`: builds, starts the gateway with the embedded backend and the edge with the local Vectorize, indexes a
// corpus on the first start, shows the main job once on a real document, and keeps serving.
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownCorpus, starterCorpus } from '../corpus/documents.ts';
import { withoutTwins } from '../corpus/twins.ts';
import { embedderFiles } from '../local/embedder.ts';
import { startStack } from '../local/stack.ts';
import { UsageError } from './arguments.ts';
import { demonstrate } from './demo.ts';
import { indexCorpus } from './index.ts';
import { DEFAULT_EMBEDDER, HELP, type Options, parseOptions } from './options.ts';
import { choosePrompt } from './prompt.ts';
import { render } from './report.ts';
import { stopwatch } from './stopwatch.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
// SIFT_STATE: another place for what is kept between starts (tests, or several corpora side by side)
const STATE = process.env.SIFT_STATE ?? join(ROOT, '.sift');

const { ms, time } = stopwatch();

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

const main = async (options: Options): Promise<void> => {
  const started = performance.now();
  const say = (line: string): void => {
    if (!options.json) process.stdout.write(`${line}\n`);
  };
  const emit = (value: unknown): void => {
    if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  await checkPort(options.port, 'port');
  await checkPort(options.gatewayPort, 'gateway-port');
  const gathered =
    options.corpus === undefined ? await starterCorpus(join(ROOT, 'node_modules')) : await ownCorpus(options.corpus);
  const corpus =
    options.corpus === undefined
      ? 'starter'
      : `own-${createHash('sha256').update(resolve(options.corpus)).digest('hex').slice(0, 12)}`;
  const prompt = options.demo ? await choosePrompt(options, gathered.documents) : undefined;
  const documents =
    prompt?.heldOut === undefined ? gathered.documents : withoutTwins(gathered.documents, prompt.heldOut);

  const embedder = await embedderFiles(resolve(ROOT, options.embedder));
  // an index holds vectors of one model only: another embedder has a state of its own
  const state =
    options.embedder === DEFAULT_EMBEDDER ? STATE : join(STATE, `embedder-${embedder.fingerprint.slice(0, 12)}`);

  const stack = await time('start', () =>
    startStack({
      root: ROOT,
      state,
      model: options.model,
      embedder,
      port: options.port,
      gatewayPort: options.gatewayPort,
      defaultCorpus: corpus,
    }),
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stack.close().then(() => process.exit(0)));
  }
  try {
    say(
      `corpus ${corpus}: ${documents.length} documents${gathered.skipped > 0 ? `, ${gathered.skipped} files passed over` : ''}`,
    );
    await time('index', () => indexCorpus(stack.client, embedder, state, corpus, documents));
    emit({ ready: true, edge: stack.edge, gateway: stack.gateway, key: stack.key, corpus });
    if (prompt !== undefined) {
      const report = await demonstrate(stack.client, corpus, prompt, options.n);
      const whole = { ...report, ms: { ...ms, ...report.ms, total: performance.now() - started } };
      say(render(whole));
      emit({ report: whole });
    }
    if (options.once) return await stack.close();
    say(`edge     ${stack.edge}\ngateway  ${stack.gateway}\nkey      ${stack.key}\n`);
    say(
      `curl ${stack.edge}/v1/select -H 'authorization: Bearer ${stack.key}' -H 'content-type: application/json' \\\n  -d '{"corpus":"${corpus}","input":"How do I stream a response?","n":5}'\n`,
    );
    say('Ctrl-C stops it.');
  } catch (error) {
    await stack.close();
    throw error;
  }
};

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else {
    await main(options);
    if (options.once) process.exit(0);
  }
} catch (error) {
  const text =
    error instanceof UsageError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`sift-edge: ${text}\n`);
  process.exit(1);
}
