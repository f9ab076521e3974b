// `sift-edge serve`, which `npm start` is: builds, starts the gateway with the embedded backend and the edge with the local Vectorize, indexes a
// corpus, shows the main job on documents of it, and keeps serving. This file is the order of the steps.
import { createServer } from 'node:net';
import { withGiven } from '../gateway/given.ts';
import { startStack } from '../local/stack.ts';
import { SHUTDOWN_GRACE_MS } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { shareCores } from './cores.ts';
import { demonstrate } from './demo.ts';
import { describeFiles, describeIndexed, describeLeftOut, onWire } from './describe.ts';
import { CommandError } from './exit.ts';
import { indexCorpus } from './index.ts';
import type { Lifetime } from './lifetime.ts';
import { isTooSlow } from './measure.ts';
import type { Options } from './options.ts';
import { probe } from './probe.ts';
import { progress } from './progress.ts';
import { choosePrompts, readPromptFile } from './prompt.ts';
import { render } from './report.ts';
import { settleTuning } from './settle.ts';
import { DEFAULT_MODEL, directoryOf, gatherCorpus, openWorkplace, ROOT, STATE } from './workplace.ts';

/** Rejects with a sentence if a port is taken; 0 is always free. */
const checkPort = async (port: number, option: string): Promise<void> => {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        new CommandError(
          error.code === 'EADDRINUSE'
            ? `port ${port} is taken: stop what listens there, or give --${option} another (0 finds a free one)`
            : `cannot listen on port ${port}: ${error.message}`,
        ),
      ),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => done()));
  });
};

/** Resolves when it serves, or, with --once, when it has ended. */
export const start = async (options: Options, lifetime: Lifetime): Promise<void> => {
  const started = performance.now();
  const say = (...lines: string[]): void => {
    if (!options.json) process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  };
  const emit = (value: unknown): void => {
    if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  /** For people in either case. */
  const note = (...lines: string[]): void => {
    (options.json ? process.stderr : process.stdout).write(lines.map((line) => `${line}\n`).join(''));
  };
  const { ms, time } = steps();
  await checkPort(options.port, 'port');
  await checkPort(options.gatewayPort, 'gateway-port');
  // what takes no time first: a mistyped name is told at once
  const file = options.promptFile === undefined ? undefined : await readPromptFile(options.promptFile);
  const { embedder, state } = await openWorkplace(options.embedder);
  const { gathered, corpus, root } = await gatherCorpus(options.corpus);
  const prompts = options.demo
    ? await choosePrompts({ prompt: options.prompt, file }, gathered.documents, root)
    : undefined;

  const model = directoryOf(options.model, DEFAULT_MODEL);
  const { backends, port, gatewayPort, deadlineMs, logLevel } = options;
  const share = shareCores(options, options.model === DEFAULT_MODEL);
  const limits = {
    ...share,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(backends === undefined ? {} : { backends }),
  };
  const stack = await time('start', () =>
    startStack({ root: ROOT, state, model, ...limits, embedder, port, gatewayPort, defaultCorpus: corpus, logLevel }),
  );
  const { given } = options;
  if (Object.keys(given).length > 0) stack.setDefaults(withGiven(stack.defaults, given, 'given'));
  lifetime.onEnd(() => stack.close(SHUTDOWN_GRACE_MS));
  try {
    say(...embedder.notes.map((note) => `embedder: ${note}`));
    say(...describeFiles(corpus, gathered, options));
    const indexed = await time('index', () => indexCorpus(stack.client, embedder, state, corpus, gathered.documents));
    say(...describeIndexed(indexed, options.verbose));
    if (indexed.examples === 0) {
      throw new CommandError(
        `every example was refused, the first because: ${indexed.refused[0]?.reason ?? 'none was made'}`,
      );
    }
    const question = {
      directory: model,
      given,
      probe: options.probe,
      state: STATE,
    };
    const { client: edge, parameters } = stack;
    const measured = (defaults: typeof stack.defaults) =>
      time('probe', () =>
        probe(
          {
            edge,
            corpus,
            documents: gathered.documents,
            apart: prompts?.leftOut ?? [],
            n: options.n,
            parameters,
            defaults,
            parallel: share.workers,
            signal: lifetime.ending,
          },
          note,
        ),
      );
    stack.setDefaults(await settleTuning(question, stack.defaults, measured, note));
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
      const asked = { corpus, n: options.n, parallel: share.workers, onProgress };
      const shown = await demonstrate(stack.client, prompts, asked).catch((error: unknown) => {
        if (!isTooSlow(error)) throw error;
        const help = 'give a longer --deadline, fewer steps with --n, or --no-demo';
        throw new CommandError(`the model is too slow here for the demonstration: ${help} (${messageOf(error)})`);
      });
      bar.end();
      const report = { ...shown, ms: { ...ms, ...shown.ms, total: performance.now() - started } };
      say(render(report, prompts.leftOut.length));
      emit({ report });
    }
    if (options.once) return await stack.close();
    say(`edge     ${stack.edge}`, `gateway  ${stack.gateway}`, `key      ${stack.key}`);
    // after the '#': no browser sends it, and the page takes it out of the address
    say(`open     ${stack.edge}/#corpus=${corpus}&key=${stack.key}`, '');
    say(
      `curl ${stack.edge}/v1/select -H 'authorization: Bearer ${stack.key}' -H 'content-type: application/json' \\`,
      `  -d '{"corpus":"${corpus}","input":"How do I stream a response?","n":5}'`,
      '',
      'Ctrl-C stops it.',
    );
  } catch (error) {
    // it was told to end: whoever told it closes the stack and ends the process
    if (lifetime.ending.aborted) return await new Promise(() => {});
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
