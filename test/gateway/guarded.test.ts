// Backends that hang, throw or talk nonsense: each ends in one fault of one request, and an abort frees it at once.
import { describe, expect, it } from 'vitest';
import type {
  Backend,
  Generation,
  Keeping,
  KeptWeights,
  OpenOptions,
  Piece,
  Session,
  Step,
} from '../../gateway/backends/contract.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { openGuarded } from '../../gateway/guarded.ts';
import { fakeModel, textOf } from './fake-backend.ts';
import { errorOf, logged, request, serve, soon } from './harness.ts';

const hang = <T>(): Promise<T> => new Promise(() => {});
const step = (changes: Partial<Step> = {}): Step => ({
  loss: 1,
  tokens: 3,
  truncated: false,
  ms: 1,
  reused: false,
  ...changes,
});
const ending: Generation = { finishReason: 'stop', promptTokens: 1, completionTokens: 1 };

const options: OpenOptions = {
  model: 'base',
  method: 'full',
  rank: 8,
  seed: 0,
  reuseGradients: false,
  optimiser: { learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};

/** A backend of one session that does as told, and as it should elsewhere. */
const backendOf = (changes: Partial<Session> = {}, backend: Partial<Backend> = {}) => {
  let closed = 0;
  const session: Session = {
    check: async () => {},
    count: async (prompts) => prompts.map((prompt) => textOf(prompt).length),
    cut: async (prompt) => ({ prompt, kept: 1, dropped: 0 }),
    async *train(examples) {
      for (const _ of examples) yield step();
    },
    async *losses(examples) {
      for (const _ of examples) yield 1;
    },
    restart: async () => {},
    async *generate() {
      yield { text: 'x', tokens: 1 };
      return ending;
    },
    score: async (_context, text) => ({ bits: 8, bytes: text.length, tokens: 1 }),
    close: async () => {
      closed += 1;
    },
    ...changes,
  };
  return {
    closed: () => closed,
    backend: {
      models: [fakeModel()],
      concurrency: 1,
      open: async () => session,
      close: async () => {},
      ...backend,
    } satisfies Backend as Backend,
  };
};

/** Milliseconds after which a hang ends. */
const HANG_MS = 50;

/** Work that must come to its end needs time on a slow machine; a hang is waited for as long as the deadline, HANG_MS. */
const answer = async (backend: Backend, path = '/v1/tune', deadlineMs = 10_000) => {
  const { call } = await serve({ registry: registryOf(backend), deadlineMs });
  const body = path === '/v1/tune' ? request : { model: 'base', text: 'four', picks: request.picks };
  const { response } = await soon('an answer', call(path, body));
  return { status: response.status, ...(response.ok ? { message: '', code: '' } : await errorOf(response)) };
};

/** An iterable whose next value never comes, and that does not end when it is told to either. */
const endless = <T, R>(): AsyncGenerator<T, R, void> => ({
  next: hang,
  return: hang,
  throw: hang,
  [Symbol.asyncIterator]() {
    return this;
  },
  [Symbol.asyncDispose]: hang,
});

describe('a backend with invalid answers', () => {
  it.each<[string, Partial<Session>, string]>([
    [
      'makes too few steps',
      {
        async *train() {
          yield step();
        },
      },
      '1 of 3 steps were made',
    ],
    [
      'makes too many steps',
      {
        async *train() {
          for (;;) yield step();
        },
      },
      'it made more than the 3 steps it was asked for',
    ],
    [
      'has a loss that is infinite',
      {
        async *train() {
          yield step({ loss: Number.POSITIVE_INFINITY });
        },
      },
      "the loss of step 1 (example 'one') is Infinity; a smaller learning_rate may help",
    ],
    [
      'counts no tokens',
      {
        async *train() {
          yield step({ tokens: Number.NaN });
        },
      },
      'step 1 says that it read NaN tokens',
    ],
    [
      'generates without end',
      {
        async *generate(): AsyncGenerator<Piece, Generation, void> {
          for (;;) yield { text: '', tokens: 1 };
        },
      },
      'it generated more than the 64 tokens it was asked for',
    ],
    [
      'generates more tokens than asked for',
      {
        async *generate() {
          yield { text: 'x', tokens: 65 };
          return ending;
        },
      },
      'it generated more than the 64 tokens it was asked for',
    ],
  ])('%s: 502 that says so', async (_, changes, message) => {
    const { backend, closed } = backendOf(changes);
    expect(await answer(backend)).toMatchObject({
      status: 502,
      code: 'backend',
      message: `the backend failed: ${message}`,
    });
    expect(closed()).toBe(1);
  });

  it('scores NaN: 502 that says so', async () => {
    const { backend, closed } = backendOf({ score: async () => ({ bits: Number.NaN, bytes: 4, tokens: 1 }) });
    expect(await answer(backend, '/v1/score')).toMatchObject({
      status: 502,
      message: 'the backend failed: the score of the text is NaN bits',
    });
    expect(closed()).toBe(1);
  });
});

describe('a backend with invalid losses', () => {
  it.each<[string, Session['losses'], string]>([
    [
      'tells too few',
      async function* () {
        yield 1;
      },
      'it told 1 of 2 losses',
    ],
    [
      'tells too many',
      async function* () {
        for (;;) yield 1;
      },
      'it told more than the 2 losses it was asked for',
    ],
    [
      'tells NaN',
      async function* () {
        yield Number.NaN;
      },
      'it says that the loss of an example is NaN',
    ],
  ])('%s: 502 that says so, before any step', async (_, losses, message) => {
    const { backend, closed } = backendOf({
      losses,
      // biome-ignore lint/correctness/useYield: it must not come so far
      async *train() {
        throw new Error('a step was made');
      },
    });
    for (const path of ['/v1/tune', '/v1/score']) {
      expect(await answer(backend, path)).toMatchObject({
        status: 502,
        message: `the backend failed: ${message}`,
      });
    }
    expect(closed()).toBe(2);
  });

  it('does not come back from a restart: 502 in its own words', async () => {
    const { backend, closed } = backendOf({
      async *train(examples) {
        for (const [i] of examples.entries()) yield step({ loss: 1 + i });
      },
      restart: async () => {
        throw new Error('no weights left');
      },
    });
    const message = 'the backend failed: no weights left';
    expect(await answer(backend)).toMatchObject({ status: 502, message });
    expect(closed()).toBe(1);
  });
});

describe('a backend that miscounts tokens', () => {
  it.each<[string, unknown, string]>([
    ['counts too few texts', [], 'it counted 0 of 3 texts'],
    ['counts nothing', undefined, 'it counted 0 of 3 texts'],
    ['counts too many', [1, 2, 3, 4], 'it counted 4 of 3 texts'],
    ['counts NaN', [1, Number.NaN, 3], 'it says that a text has NaN tokens'],
    ['counts below zero', [-1, 2, 3], 'it says that a text has -1 tokens'],
    ['counts half tokens', [1.5, 2, 3], 'it says that a text has 1.5 tokens'],
  ])('%s: 502 that says so, before any step', async (_, counts, message) => {
    const { backend, closed } = backendOf({
      count: async () => counts as number[],
      async *train() {
        yield step();
        throw new Error('a step was made');
      },
    });
    for (const [path, body] of [
      ['/v1/tune', { ...request, use: 'both' }],
      ['/v1/score', { model: 'base', text: 'four', picks: request.picks, use: 'both' }],
    ] as const) {
      const { call } = await serve({ registry: registryOf(backend) });
      const { response } = await soon('an answer', call(path, body));
      expect(await errorOf(response)).toMatchObject({ code: 'backend', message: `the backend failed: ${message}` });
    }
    expect(closed()).toBe(2);
  });

  it('hangs: the deadline ends the request and closes the session', async () => {
    const { backend, closed } = backendOf({ count: hang });
    const { call } = await serve({ registry: registryOf(backend), deadlineMs: 50 });
    const { response } = await soon('an answer', call('/v1/tune', { ...request, use: 'context' }));
    expect([response.status, closed()]).toEqual([504, 1]);
  });
});

describe('a backend that throws something other than an Error', () => {
  it.each<[string, unknown, string]>([
    ['a string', 'out of memory', 'out of memory'],
    ['undefined', undefined, 'it threw something that is no error'],
    ['an object', { code: 7 }, 'it threw something that is no error'],
  ])('%s', async (_, thrown, message) => {
    const fails = (): never => {
      throw thrown;
    };
    const expected = { status: 502, code: 'backend', message: `the backend failed: ${message}` };
    expect(await answer(backendOf({}, { open: fails }).backend)).toMatchObject(expected);
    expect(await answer(backendOf({ train: fails }).backend)).toMatchObject(expected);
    expect(await answer(backendOf({ generate: fails }).backend)).toMatchObject(expected);
    expect(await answer(backendOf({ score: fails }).backend, '/v1/score')).toMatchObject(expected);
    expect(await answer(backendOf({ close: fails }).backend)).toMatchObject({ status: 200 });
    expect(logged.length).toBe(5); // an operator can see each
  });
});

describe('a backend that hangs', () => {
  it.each<[string, Partial<Session>, string]>([
    ['in train', { train: endless }, '/v1/tune'],
    ['in generate', { generate: endless }, '/v1/tune'],
    ['in the base losses', { losses: endless }, '/v1/tune'],
    [
      'in a restart',
      {
        restart: hang,
        async *train(examples) {
          for (const [i] of examples.entries()) yield step({ loss: 1 + i });
        },
      },
      '/v1/score',
    ],
    ['in score', { score: hang }, '/v1/score'],
  ])('%s: the deadline ends the request and closes the session', async (_, changes, path) => {
    const { backend, closed } = backendOf(changes);
    expect(await answer(backend, path, HANG_MS)).toMatchObject({ status: 504, code: 'deadline' });
    expect(closed()).toBe(1);
  });

  it('in open: the deadline ends the request, and a session that comes late is closed', async () => {
    const { promise, resolve } = Promise.withResolvers<Session>();
    const closed = Promise.withResolvers<void>();
    const late = await backendOf({ close: async () => closed.resolve() }).backend.open(
      options,
      new AbortController().signal,
    );
    expect(await answer(backendOf({}, { open: () => promise }).backend, '/v1/tune', HANG_MS)).toMatchObject({
      status: 504,
    });
    resolve(late);
    await soon('the closing of the late session', closed.promise);
  });

  it('in close, after an abort in a step that hangs too: the place is free again, and it is logged', async () => {
    const { backend } = backendOf({ train: endless, close: hang });
    const { call } = await serve({ registry: registryOf(backend), deadlineMs: 50 });
    for (let round = 0; round < 2; round++) {
      const { response } = await soon('an answer', call('/v1/tune', request));
      expect(response.status).toBe(504);
    }
    expect(logged.filter((line) => line.includes('closing a session')).length).toBe(2);
  });

  it('is told to end when its steps or pieces are left early, before its session is closed', async () => {
    const told: string[] = [];
    const { backend } = backendOf({
      async *train(examples) {
        try {
          for (const _ of examples) yield step();
        } finally {
          told.push('train');
        }
      },
      async *generate() {
        try {
          for (;;) yield { text: 'x', tokens: 1 };
        } finally {
          told.push('generate');
        }
      },
      close: async () => {
        told.push('close');
      },
    });
    const signal = new AbortController().signal;
    const session = await openGuarded(backend, options, signal);
    for await (const _ of session.train(['a', 'b'], signal)) break;
    const sampling = { maxTokens: 5, temperature: 1, topP: 1, topK: 0, stop: [], seed: 0 };
    for await (const _ of session.generate('', sampling, signal)) break;
    await session.close();
    expect(told).toEqual(['train', 'generate', 'close']);
  });

  it('lets nothing through after an abort, whatever the backend still yields', async () => {
    const leave = new AbortController();
    const session = await openGuarded(backendOf().backend, options, leave.signal);
    const seen: Step[] = [];
    const training = async () => {
      for await (const one of session.train(['a', 'b', 'c'], leave.signal)) {
        seen.push(one);
        leave.abort(new Error('gone'));
      }
    };
    await expect(training()).rejects.toThrow('gone');
    expect(seen.length).toBe(1);
    await expect(session.score('', 'x', leave.signal)).rejects.toThrow('gone');
    await session.close();
    await session.close();
  });
});

describe('weights that are kept', () => {
  const kept = { bytes: 100 };
  const keepingOf = (keeping: Partial<Keeping>): Session['keeping'] => ({
    keep: async () => kept,
    resume: async () => true,
    ...keeping,
  });
  const guardedSession = async (keeping: Partial<Keeping>) => {
    const released: KeptWeights[] = [];
    const { backend } = backendOf(
      { keeping: keepingOf(keeping) as Keeping },
      { release: (weights) => void released.push(weights) },
    );
    const session = await openGuarded(backend, options, new AbortController().signal);
    return { session, released };
  };

  it('are freed when they come after the caller has gone, or are more than was allowed', async () => {
    const { promise, resolve } = Promise.withResolvers<KeptWeights>();
    const late = await guardedSession({ keep: () => promise });
    const gone = new AbortController();
    const keep = late.session.keeping?.keep(1_000, gone.signal);
    gone.abort(new Error('gone'));
    await expect(keep).rejects.toThrow('gone');
    resolve(kept);
    await promise;
    await new Promise(setImmediate);
    expect(late.released).toEqual([kept]);

    const large = await guardedSession({});
    await expect(large.session.keeping?.keep(99, new AbortController().signal)).rejects.toThrow(
      'it kept weights of 100 bytes where 99 were allowed',
    );
    await new Promise(setImmediate);
    expect(large.released).toEqual([kept]);
  });

  it('that never come back do not hold a caller who leaves', async () => {
    const { session } = await guardedSession({ resume: hang });
    const gone = new AbortController();
    const resume = session.keeping?.resume(kept, gone.signal);
    gone.abort(new Error('gone'));
    await expect(resume).rejects.toThrow('gone');
  });
});
