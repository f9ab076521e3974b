// A worker thread: reads the models, says so, then does one call after another on the one session it holds.
import { parentPort, workerData } from 'node:worker_threads';
import type { Call, FromWorker, Outcome, ToWorker, WorkerSetup } from './messages.ts';
import { readCheckpoint } from './model/checkpoint.ts';
import { createModel, type Model } from './model/model.ts';
import { createSession, type EngineSession } from './session.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread only');
const setup = workerData as WorkerSetup; // made by pool.ts
const say = (message: FromWorker): void => port.postMessage(message);

const models = new Map<string, Model>();
let session: EngineSession | undefined;
let cancelled = -1;

const open = (): EngineSession => {
  if (session === undefined) throw new Error('no session is open');
  return session;
};

const perform = async (call: number, body: Call): Promise<Outcome> => {
  switch (body.do) {
    case 'open': {
      const model = models.get(body.options.model);
      if (model === undefined) throw new Error(`no model '${body.options.model}'`);
      session = createSession(model, body.options);
      return null;
    }
    case 'step':
      return open().step(body.text);
    case 'score':
      return open().score(body.context, body.text);
    case 'generate': {
      const pieces = open().generate(body.prompt, body.sampling, () => cancelled === call);
      for (;;) {
        const next = await pieces.next();
        if (next.done) return next.value;
        say({ call, piece: next.value });
      }
    }
    case 'close':
      session = undefined;
      return null;
  }
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

try {
  for (const [name, directory] of Object.entries(setup.models)) {
    models.set(name, createModel(await readCheckpoint(directory), setup.threads));
  }
  let last: Promise<void> = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    if ('cancel' in message) {
      cancelled = message.cancel;
      return;
    }
    const { call, body } = message;
    last = last.then(async () => {
      try {
        say({ call, done: await perform(call, body) });
      } catch (error) {
        say({ call, error: messageOf(error) });
      }
    });
  });
  say({
    ready: Array.from(models, ([id, { architecture, parameters }]) => ({
      id,
      contextTokens: architecture.context,
      parameters: Array.from(parameters.values()).reduce((sum, { length }) => sum + length, 0),
    })),
  });
} catch (error) {
  say({ failed: messageOf(error) });
}
