// `npm start`: builds, starts the gateway with the embedded backend and the edge with the local Vectorize, indexes a
// corpus on the first start, shows the main job once on a real document, and keeps serving.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernel } from '../assembly/build.ts';
import { createEmbeddedBackend } from '../gateway/embedded/index.ts';
import { serveGateway } from '../gateway/serve.ts';
import { type EdgeClient, edgeClient } from './client.ts';
import { type Document, fingerprint, ownCorpus, starterCorpus } from './corpus.ts';
import { demonstrate } from './demo.ts';
import { startEdge } from './edge.ts';
import { examplesOf } from './examples.ts';
import { ingest } from './ingest.ts';
import { HELP, type Options, parseOptions, UsageError } from './options.ts';
import { choosePrompt } from './prompt.ts';
import { render } from './report.ts';
import { loadIndexed, loadSecrets, saveIndexed } from './state.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
// SIFT_STATE: another place for what is kept between starts (tests, or several corpora side by side)
const STATE = process.env.SIFT_STATE ?? join(ROOT, '.sift');

const ms: Record<string, number> = {};
const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
  const started = performance.now();
  const result = await work();
  ms[name] = performance.now() - started;
  return result;
};

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

/** Puts the documents into the corpus unless exactly these are in it already; true if it did. */
const index = async (edge: EdgeClient, corpus: string, documents: readonly Document[]): Promise<boolean> => {
  const embedder = await readFile(join(ROOT, 'models/embedder/model.onnx'));
  const versions = ['chunks 1', createHash('sha256').update(embedder).digest('hex')];
  const mark = fingerprint(documents, versions);
  if ((await loadIndexed(STATE, corpus))?.fingerprint === mark) return false;
  const examples = examplesOf(documents);
  await edge.deleteCorpus(corpus);
  await ingest(edge, corpus, examples);
  await saveIndexed(STATE, { corpus, fingerprint: mark, examples: examples.length });
  return true;
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
  const documents = gathered.documents.filter(({ path }) => path !== prompt?.heldOut);

  await timed('build', buildKernel);
  const { edge, gateway, secrets } = await timed('start', async () => {
    const { apiKey, gatewaySecret } = await loadSecrets(STATE);
    const backend = await createEmbeddedBackend({ models: { base: resolve(ROOT, options.model) } }).catch(
      (error: unknown) => {
        throw new UsageError(error instanceof Error ? error.message : String(error));
      },
    );
    const served = await serveGateway({ backend, secret: gatewaySecret, port: options.gatewayPort });
    const running = await startEdge({
      root: ROOT,
      state: join(STATE, 'edge'),
      port: options.port,
      apiKey,
      gatewayUrl: served.url,
      gatewaySecret,
      defaultCorpus: corpus,
    });
    return { edge: running, gateway: served, secrets: { apiKey } };
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= Promise.all([edge.close(), gateway.close(0)]).then(() => {});
    return closing;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void close().then(() => process.exit(0)));
  }
  try {
    const client = edgeClient(edge.url, secrets.apiKey);
    say(
      `corpus ${corpus}: ${documents.length} documents${gathered.skipped > 0 ? `, ${gathered.skipped} files passed over` : ''}`,
    );
    await timed('index', () => index(client, corpus, documents));
    emit({ ready: true, edge: edge.url, gateway: gateway.url, key: secrets.apiKey, corpus });
    if (prompt !== undefined) {
      const report = await demonstrate(client, corpus, prompt, options.n);
      const whole = { ...report, ms: { ...ms, ...report.ms, total: performance.now() - started } };
      say(render(whole));
      emit({ report: whole });
    }
    if (options.once) return await close();
    say(`edge     ${edge.url}\ngateway  ${gateway.url}\nkey      ${secrets.apiKey}\n`);
    say(
      `curl ${edge.url}/v1/select -H 'authorization: Bearer ${secrets.apiKey}' -H 'content-type: application/json' \\\n  -d '{"corpus":"${corpus}","input":"How do I stream a response?","n":5}'\n`,
    );
    say('Ctrl-C stops it.');
  } catch (error) {
    await close();
    throw error;
  }
};

try {
  if (Number(process.versions.node.split('.')[0]) < 22) {
    throw new UsageError(
      `this is Node ${process.versions.node}; npm start brings its own newer one, which npm ci did not install here (optional packages left out?)`,
    );
  }
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
