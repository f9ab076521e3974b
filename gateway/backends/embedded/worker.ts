// A worker process: reads the models, says so, then does one call after another on the one session it holds. While
// there is none it compiles graphs ahead.

import { type Fault, FaultError } from '../../../wire/faults.ts';
import { MAX_LOGPROBS, MAX_RANK } from '../../../wire/limits.ts';
import { messageOf } from '../../../wire/message.ts';
import { readDefaults } from '../defaults.ts';
import { requireMemory } from './fit.ts';
import type { Call, FromWorker, Outcome, ToWorker, WorkerSetup } from './messages.ts';
import { readCheckpoint } from './model/checkpoint.ts';
import { createModel, type Model } from './model/model.ts';
import { createSession, type EngineSession } from './session.ts';
import { createWarmUp, warmUpTasks } from './warmup.ts';

if (process.send === undefined) throw new Error('worker.ts runs as a child process of the gateway only');
const say = (message: FromWorker): void => {
  process.send?.(message, undefined, undefined, (error) => {
    // the gateway was killed during a computation, before this process could see its channel close
    if (error !== null) process.exit(0);
  });
};

const models = new Map<string, Model>();
let session: EngineSession | undefined;
let cancelled = -1;
let calls = 0;
const warmUp = createWarmUp(setImmediate, () => calls > 0 || session !== undefined);

const open = (): EngineSession => {
  if (session === undefined) throw new Error('no session is open');
  return session;
};

const perform = async (call: number, body: Call): Promise<Outcome> => {
  switch (body.do) {
    case 'open': {
      const model = models.get(body.options.model);
      if (model === undefined) throw new Error(`no model '${body.options.model}'`);
      requireMemory(model, body.options, 0);
      session = createSession(model, body.options);
      return null;
    }
    case 'check':
      open().check(body.prompt);
      return null;
    case 'count':
      return open().count(body.prompts);
    case 'cut':
      return open().cut(body.prompt, body.most);
    case 'fit':
      open().fit(body.texts);
      return null;
    case 'step':
      return open().step(body.text);
    case 'loss':
      return open().loss(body.text);
    case 'restart':
      open().restart(body.learningRate);
      return null;
    case 'export':
      return open().exportAdapter();
    case 'import':
      open().importAdapter(body.adapter);
      return null;
    case 'keep':
      return open().keep(body.maxBytes) ?? null;
    case 'resume':
      open().resume(body.copy);
      return null;
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

const load = async ({ models: directories, threads }: WorkerSetup): Promise<void> => {
  try {
    for (const [name, directory] of Object.entries(directories)) {
      models.set(name, createModel(await readCheckpoint(directory), threads));
    }
    const ready = Array.from(models, async ([id, { architecture, parameters, chat }]) => {
      const count = Array.from(parameters.values()).reduce((sum, { length }) => sum + length, 0);
      return {
        id,
        contextTokens: architecture.context,
        parameters: count,
        chat: chat.kind,
        capabilities: {
          methods: ['full', 'lora'] as const,
          maxRank: MAX_RANK,
          logprobs: true,
          topLogprobs: MAX_LOGPROBS,
          penalties: true,
          streaming: true,
          pipelined: false,
        },
        defaults: await readDefaults(directories[id] ?? '', count),
      };
    });
    const served = await Promise.all(ready);
    say({ ready: served });
    for (const { id, defaults } of served) {
      const model = models.get(id);
      if (model !== undefined) warmUp.add(warmUpTasks(model, defaults));
    }
  } catch (error) {
    say({ failed: messageOf(error) });
  }
};

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToWorker) => {
  if ('cancel' in message) {
    cancelled = message.cancel;
    return;
  }
  if ('setup' in message) {
    last = last.then(() => load(message.setup));
    return;
  }
  const { call, body } = message;
  calls += 1;
  last = last.then(async () => {
    try {
      say({ call, done: await perform(call, body) });
    } catch (error) {
      // a fault keeps its kind; anything else is the engine's own failure
      const fault: Fault = error instanceof FaultError ? error.fault : { kind: 'backend', message: messageOf(error) };
      say({ call, fault });
    } finally {
      calls -= 1;
      warmUp.resume();
    }
  });
});
// the gateway is gone: nobody is left to work for
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group; the gateway decides when its workers end
process.on('SIGINT', () => {});
