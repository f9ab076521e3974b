// Every way a server can misbehave: the caller gets an answer or one clean fault, and nothing stays behind on the server.
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../gateway/backends/contract.ts';
import { FaultError } from '../../wire/faults.ts';
import { soon } from './harness.ts';
import { backendOver, eventually, greedy, never, OPEN, SHORT, scripted } from './tinker-harness.ts';
import { type Misbehave, NOTHING, type ScriptOptions } from './tinker-server.ts';

const TEXTS = ['one', 'two and a half', 'three'];

const json = (response: ServerResponse, status: number, body: string, headers = {}): true => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  return true;
};
/** Misbehaves at this path, from its n-th request on. */
const at =
  (path: string | RegExp, how: (response: ServerResponse) => boolean | 'lost', from = 1, to = Infinity): Misbehave =>
  (request, response) => {
    const here = typeof path === 'string' ? request.path === path : path.test(request.path);
    return here && request.times >= from && request.times <= to && how(response);
  };
const hang = (): boolean => true;
const reset = (response: ServerResponse): boolean => {
  response.destroy();
  return true;
};

const all = async (session: Session): Promise<{ losses: number[]; bits: number; text: string }> => {
  const losses: number[] = [];
  for await (const { loss } of session.train(TEXTS, never)) losses.push(loss);
  const { bits } = await session.score('', 'a text', never);
  let text = '';
  for await (const piece of session.generate('Once', greedy, never)) text += piece.text;
  return { losses, bits, text };
};

/** One request's work against a server that misbehaves: its result or its fault, after everything was freed. */
const work = async (
  script: ScriptOptions,
  use: (session: Session) => Promise<unknown> = all,
  clocks: Partial<typeof SHORT> = {},
) => {
  const server = await scripted(script);
  const backend = await backendOver([server], { clocks });
  const outcome = await soon(
    'the work',
    (async () => {
      try {
        const session = await backend.open(OPEN, never);
        try {
          return { value: await use(session) };
        } finally {
          await session.close();
        }
      } catch (error) {
        if (!(error instanceof FaultError)) throw error;
        return { fault: error.fault, said: error.message };
      }
    })(),
    30_000,
  );
  return { server, outcome };
};

/** What comes of the work where nothing goes wrong. */
let known: unknown;
const plain = async (): Promise<unknown> => {
  known ??= (await work({})).outcome;
  return known;
};

describe('what passes', () => {
  it.each<[string, Misbehave]>([
    ['a submission that fails once', at('forward_backward', (r) => json(r, 500, '{"error":"x"}'), 2, 2)],
    ['a step whose connection breaks', at('optim_step', reset, 2, 2)],
    ['a step whose answer is lost', at('optim_step', () => 'lost', 2, 2)],
    ['losses whose answer is lost', at('forward_backward', () => 'lost', 1, 1)],
    ['a model whose answer is lost', at('create_model', () => 'lost', 1, 1)],
    ['a sampler whose answer is lost', at('save_weights_for_sampler', () => 'lost', 1, 1)],
    ['a session whose connection breaks', at('create_session', reset, 1, 1)],
    ['a poll that fails', at('retrieve_future', (r) => json(r, 502, 'no JSON'), 2, 3)],
    ['a poll that breaks', at('retrieve_future', reset, 3, 3)],
    ['408 time and again', at('retrieve_future', (r) => json(r, 408, '{"type":"try_again"}'), 2, 6)],
    ['try_again as an answer', at('retrieve_future', (r) => json(r, 200, '{"type":"try_again"}'), 2, 6)],
    ['heartbeats that fail', at('session_heartbeat', reset)],
  ])('%s, with the same answer and no step made twice', async (_, misbehave) => {
    const { server, outcome } = await work({ misbehave });
    expect(outcome).toEqual(await plain());
    expect(server.steps()).toBe(TEXTS.length);
    await eventually(server.held).toEqual(NOTHING);
  });

  it('a slow server', async () => {
    const { server, outcome } = await work({ workMs: 60, pollMs: 20 });
    expect(outcome).toEqual(await plain());
    await eventually(server.held).toEqual(NOTHING);
  });
});

describe('what does not', () => {
  it.each<[string, ScriptOptions, string, RegExp]>([
    [
      'a session that is not made',
      { misbehave: at('create_session', hang) },
      'backend_unavailable',
      /sent nothing for 500 ms \(first byte\)/,
    ],
    ['a full server', { slots: 0 }, 'backend_unavailable', /has no room: 'no slot is free'/],
    [
      'a server that closes down',
      { misbehave: at('create_model', (r) => json(r, 503, '{}', { 'retry-after': '9' })) },
      'backend_unavailable',
      /try again in 9 s/,
    ],
    [
      'no model',
      { misbehave: at('create_model', (r) => json(r, 400, '{"detail":"rank 4 is odd"}')) },
      'backend',
      /answered 400: 'rank 4 is odd'/,
    ],
    [
      'a model without a name',
      { misbehave: at('retrieve_future', (r) => json(r, 200, '{}')) },
      'backend',
      /not understood: the result of a promise/,
    ],
    [
      'submissions that fail for ever',
      { misbehave: at('forward_backward', (r) => json(r, 500, '{"error":{"message":"CUDA"}}')) },
      'backend',
      /answered 500: 'CUDA'/,
    ],
    [
      'a submission that gets no answer',
      { misbehave: at('optim_step', hang, 2) },
      'backend',
      /sent nothing for 500 ms/,
    ],
    ['polls that get no answer', { misbehave: at('retrieve_future', hang, 3) }, 'backend', /sent nothing for 600 ms/],
    [
      'a promise that is gone',
      { misbehave: at('retrieve_future', (r) => json(r, 410, '{"error":"too old"}'), 3) },
      'backend',
      /has forgotten this session's work: 'too old'/,
    ],
    [
      'work that fails',
      { misbehave: at('retrieve_future', (r) => json(r, 200, '{"error":"out of memory","category":"server"}'), 3) },
      'backend',
      /could not do the work: 'out of memory'/,
    ],
    [
      'an answer that is no JSON',
      { misbehave: at('forward_backward', (r) => json(r, 200, 'fine')) },
      'backend',
      /not understood: forward_backward: the body is not JSON/,
    ],
    [
      'an answer without a promise',
      { misbehave: at('optim_step', (r) => json(r, 200, '{"id":1}')) },
      'backend',
      /not understood: optim_step: request_id/,
    ],
    [
      'protobuf that is none',
      {
        misbehave: at(
          'retrieve_future',
          (r) => {
            r.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(Buffer.from([0x12, 0xff, 0x01, 7]));
            return true;
          },
          3,
        ),
      },
      'backend',
      /not understood: log-probabilities/,
    ],
    [
      'losses as an empty message',
      {
        misbehave: at(
          'retrieve_future',
          (r) => {
            r.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
            return true;
          },
          3,
        ),
      },
      'backend',
      /without log-probabilities/,
    ],
    [
      'a body without an end',
      {
        misbehave: at('create_model', (r) => {
          r.writeHead(200, { 'content-length': '1000' }).write('{"request_id":');
          return true;
        }),
      },
      'backend_unavailable',
      /sent nothing for 500 ms \(idle\)/,
    ],
    [
      'half a body',
      {
        misbehave: at('create_model', (r) => {
          r.writeHead(200, { 'content-length': '1000' }).write('{"request_id":', () => r.destroy());
          return true;
        }),
      },
      'backend_unavailable',
      /broke the connection off/,
    ],
    [
      'a huge body',
      {
        misbehave: at('create_model', (r) => {
          r.writeHead(200).end(Buffer.alloc(5_000_000, 32));
          return true;
        }),
      },
      'backend',
      /sent more than 4194304 bytes/,
    ],
    [
      'half a stream',
      {
        misbehave: at(/^sift\/stream/, (r) => {
          r.writeHead(200).write('{"tokens":[97]}\n', () => r.destroy());
          return true;
        }),
      },
      'backend',
      /broke the connection off/,
    ],
    [
      'a stream without its last line',
      {
        misbehave: at(/^sift\/stream/, (r) => {
          r.writeHead(200).end('{"tokens":[97]}\n');
          return true;
        }),
      },
      'backend',
      /a stream without an end/,
    ],
    [
      'a stream that stops',
      {
        misbehave: at(/^sift\/stream/, (r) => {
          r.writeHead(200).write('{"tokens":[97]}\n');
          return true;
        }),
      },
      'backend',
      /sent nothing for 500 ms \(idle\)/,
    ],
    [
      'a stream of nonsense',
      {
        misbehave: at(/^sift\/stream/, (r) => {
          r.writeHead(200).end('{"tokens":"abc"}\n');
          return true;
        }),
      },
      'backend',
      /not understood: a line of a stream/,
    ],
    [
      'a stream in one line',
      {
        misbehave: at(/^sift\/stream/, (r) => {
          r.writeHead(200).write('['.repeat(100_000));
          return true;
        }),
      },
      'backend',
      /sent more than 65536 bytes/,
    ],
    [
      'a stream that fails',
      {
        misbehave: at(/^sift\/stream/, (r) => {
          r.writeHead(200).end('{"error":"NaN","category":"user"}\n');
          return true;
        }),
      },
      'backend',
      /could not do the work: 'NaN'/,
    ],
    [
      'log-probabilities that are no numbers',
      { told: () => Number.NaN },
      'backend',
      /the probabilities are not finite numbers after 3 steps at learning_rate 0.001/,
    ],
  ])('%s ends in one fault', async (_, script, kind, message) => {
    const silent = /sent nothing/.test(message.source);
    const { server, outcome } = await work(script, all, silent ? SHORT : {});
    expect(outcome).toMatchObject({ fault: { kind }, said: expect.stringMatching(message) });
    await eventually(() => server.held().models + server.held().samplers + server.held().streams).toBe(0);
  });

  it('a loss that is no number is a step like others, so that the guard can undo it', async () => {
    const { outcome } = await work({ told: () => Number.NaN }, async (session) => {
      const steps = await Array.fromAsync(session.train(TEXTS, never));
      await session.restart(1e-4, never);
      return steps.map(({ loss }) => loss);
    });
    expect(outcome).toEqual({ value: [Number.NaN, Number.NaN, Number.NaN] });
  });

  it('a redirect is not followed, and its target never asked', async () => {
    const target = await scripted();
    const location = { location: `${target.url}/api/v1/create_session` };
    const { outcome } = await work({ misbehave: at('create_session', (r) => json(r, 307, '', location)) });
    expect(outcome).toMatchObject({ said: expect.stringMatching(/answered 307; redirects are not followed/) });
    expect(target.log).toEqual([]);
  });

  it('a server that was started anew has forgotten the session', async () => {
    const server = await scripted();
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    server.forget();
    await expect(Array.fromAsync(session.train(TEXTS, never))).rejects.toMatchObject({ fault: { kind: 'backend' } });
    await soon('the close', session.close());
  });
});

describe('a server that ends', () => {
  it('in the middle of the steps: one fault, and the session closes all the same', async () => {
    const server = await scripted({ workMs: 20 });
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    const steps = session.train(Array(50).fill('text'), never);
    await steps[Symbol.asyncIterator]().next();
    await server.kill();
    await expect(soon('the fault', Array.fromAsync(steps), 20_000)).rejects.toMatchObject({
      fault: { kind: 'backend' },
    });
    await soon('the close', session.close());
    await expect(backend.open(OPEN, never)).rejects.toMatchObject({ fault: { kind: 'backend_unavailable' } });
  });

  it('in the middle of a stream', async () => {
    const server = await scripted({ workMs: 20 });
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    const generation = session.generate('Once', { ...greedy, maxTokens: 400 }, never);
    await generation.next();
    await server.kill();
    await expect(soon('the fault', Array.fromAsync(generation))).rejects.toMatchObject({ fault: { kind: 'backend' } });
    await soon('the close', session.close());
  });

  it('before the start: the sentence names every server', async () => {
    const server = await scripted();
    await server.kill();
    const why = new RegExp(`backend 'gpu': server 127.0.0.1:${server.port} cannot be reached \\(ECONNREFUSED\\)`);
    await expect(backendOver([server])).rejects.toThrow(why);
  });
});

describe('a caller who goes', () => {
  const leave = () => {
    const controller = new AbortController();
    return { signal: controller.signal, go: () => controller.abort(new Error('gone')) };
  };

  it.each(['create_session', 'create_model', 'retrieve_future'])(
    'while %s is under way leaves nothing',
    async (path) => {
      const { signal, go } = leave();
      const slow: Misbehave = async (request) => {
        if (request.path !== path) return false;
        go();
        await new Promise((resolve) => setTimeout(resolve, 100));
        return false;
      };
      const server = await scripted({ misbehave: slow });
      const backend = await backendOver([server]);
      await expect(soon('the abort', backend.open(OPEN, signal))).rejects.toThrow('gone');
      await eventually(() => server.requests('sessions/') + server.held().sessions).toBe(0);
      await eventually(() => ({ ...server.held(), futures: 0 })).toEqual(NOTHING);
    },
  );

  it('while a promise is kept waiting for ever', async () => {
    const { signal, go } = leave();
    const server = await scripted({ misbehave: at('retrieve_future', (r) => json(r, 408, '{}'), 2) });
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    const losses = Array.fromAsync(session.losses(TEXTS, signal));
    await eventually(() => server.requests('retrieve_future')).toBeGreaterThan(10);
    go();
    await expect(soon('the abort', losses)).rejects.toThrow('gone');
    await session.close();
    await eventually(server.held).toEqual(NOTHING);
  });

  it('early, by a loop that is left: what was not begun is cancelled, and the rest still works', async () => {
    const server = await scripted({ workMs: 10 });
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    for await (const _ of session.train(Array(60).fill('text'), never)) break;
    const { bits } = await session.score('', 'a text', never);
    expect(bits).toBeGreaterThan(0);
    expect(server.steps()).toBeLessThan(60);
    await session.close();
    await eventually(server.held).toEqual(NOTHING);
  });

  it('by a stop string: the server stops as well', async () => {
    const server = await scripted({ workMs: 5 });
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    const said = (await Array.fromAsync(session.generate('Once', greedy, never))).map(({ text }) => text).join('');
    const stop = said.slice(1, 3);
    await Array.fromAsync(session.generate('Once', { ...greedy, maxTokens: 400, stop: [stop] }, never));
    await eventually(() => server.held().streams).toBe(0);
    await session.close();
    await eventually(server.held).toEqual(NOTHING);
  });
});
