// Several servers behind one backend, and what is said to each: the wire's numbers and values, keys, heartbeats.
import { describe, expect, it } from 'vitest';
import type { Backend, Session } from '../../gateway/backends/contract.ts';
import { Breaker } from '../../wire/breaker.ts';
import { type FaultError, describe as inWords } from '../../wire/faults.ts';
import { BREAKER_FAILURES, BREAKER_MAX_MS, BREAKER_MIN_MS } from '../../wire/limits.ts';
import { soon } from './harness.ts';
import { backendOver, eventually, greedy, logged, never, OPEN, scripted } from './tinker-harness.ts';
import { NOTHING } from './tinker-server.ts';

const opened = (backend: Backend, count: number): Promise<Session[]> =>
  Promise.all(Array.from({ length: count }, () => backend.open(OPEN, never)));
const closed = (sessions: readonly Session[]) => Promise.all(sessions.map((session) => session.close()));

describe('the breaker', () => {
  it('opens after failures in a row, allows one look at a time, and waits longer each time', () => {
    let now = 0;
    const breaker = new Breaker(() => now);
    for (let i = 1; i < BREAKER_FAILURES; i++) breaker.failed();
    breaker.succeeded();
    for (let i = 1; i < BREAKER_FAILURES; i++) breaker.failed();
    expect(breaker.state).toBe('closed');
    for (let openMs = BREAKER_MIN_MS; ; openMs = Math.min(BREAKER_MAX_MS, 2 * openMs)) {
      breaker.failed();
      expect([breaker.state, breaker.waitMs, breaker.takeLook()]).toEqual(['open', openMs, false]);
      breaker.failed(); // what was under way says nothing new
      expect(breaker.waitMs).toBe(openMs);
      now += openMs;
      expect([breaker.state, breaker.takeLook(), breaker.takeLook()]).toEqual(['half open', true, false]);
      if (openMs === BREAKER_MAX_MS) break;
    }
    breaker.succeeded();
    expect([breaker.state, breaker.waitMs]).toEqual(['closed', 0]);
  });
});

describe('several servers', () => {
  it('share sessions by their room, and a session stays where it is', async () => {
    const [small, large] = [await scripted({ slots: 10 }), await scripted({ slots: 30 })];
    const backend = await backendOver([small, large]);
    const sessions: Session[] = [];
    for (let i = 0; i < 8; i++) sessions.push(...(await opened(backend, 1)));
    expect([small.held().sessions, large.held().sessions]).toEqual([2, 6]);
    await Promise.all(sessions.map((session) => Array.fromAsync(session.train(['a text'], never))));
    expect([small.steps(), large.steps()]).toEqual([2, 6]);
    await closed(sessions);
    await eventually(small.held).toEqual(NOTHING);
    await eventually(large.held).toEqual(NOTHING);
  });

  it('are told the ids of the request with every call that is made for it, and none by looks at their health', async () => {
    const seen = new Map<string, unknown>();
    const server = await scripted({
      misbehave: ({ path, headers }) => {
        seen.set(path, [headers['x-request-id'], headers.traceparent, headers.tracestate]);
        return false;
      },
    });
    const backend = await backendOver([server]);
    const traceparent = '00-12345678901234567890123456789012-1234567890123456-01';
    const trail = { 'x-request-id': 'ours-1', traceparent, tracestate: 'foo=1' };
    const session = await backend.open({ ...OPEN, trail }, never);
    for await (const _ of session.train(['ab'], never));
    for await (const _ of session.generate('ab', greedy, never));
    await session.close();
    const told = [...seen].filter(([, ids]) => (ids as unknown[])[0] !== undefined).map(([path]) => path);
    for (const path of ['create_session', 'create_model', 'forward_backward', 'optim_step', 'asample']) {
      expect(told).toContain(path);
    }
    for (const path of told) expect(seen.get(path)).toEqual(['ours-1', traceparent, 'foo=1']);
    expect(told).not.toContain('get_server_capabilities');
  });

  it('one that is full, or that fails when a session is opened, is left to the others', async () => {
    const full = await scripted({ slots: 0 });
    const broken = await scripted({
      misbehave: ({ path }, response) => path === 'create_session' && response.destroy() !== undefined,
    });
    const well = await scripted();
    const backend = await backendOver([full, broken, well]);
    const sessions = await opened(backend, 3);
    expect(well.held().sessions).toBe(3);
    await closed(sessions);
    await eventually(full.held).toEqual(NOTHING);
  });

  it('a taken lane of full fine-tuning turns nobody away who wants an adapter', async () => {
    const server = await scripted({
      misbehave: ({ path, times }, response) => {
        const full = path === 'create_model' && times === 1;
        if (full) response.writeHead(429, { 'retry-after': '30' }).end('{"error":"the lane is taken"}');
        return full;
      },
    });
    const backend = await backendOver([server]);
    const full = await backend.open({ ...OPEN, method: 'full' }, never).catch((error: FaultError) => error.fault);
    expect(full).toMatchObject({ kind: 'backend_unavailable', retryAfterS: 30 });
    await closed(await opened(backend, 2));
  });

  it('all full: 503 with the time that the first of them said', async () => {
    const backend = await backendOver([await scripted({ slots: 0 }), await scripted({ slots: 0 })]);
    const fault = await backend.open(OPEN, never).then(
      () => undefined,
      (error: FaultError) => error.fault,
    );
    expect(fault).toMatchObject({ kind: 'backend_unavailable', retryAfterS: 7 });
  });

  it('one dies: its work ends in a fault, the rest goes on, and new sessions go to the other', async () => {
    const [first, second] = [await scripted({ workMs: 5 }), await scripted({ workMs: 5 })];
    const backend = await backendOver([first, second]);
    const sessions = await opened(backend, 4);
    const work = sessions.map((session) => Array.fromAsync(session.train(Array(20).fill('a text'), never)));
    const outcomes = Promise.allSettled(work);
    await eventually(() => Math.min(first.steps(), second.steps())).toBeGreaterThan(0);
    await first.kill();
    const settled = await soon('the work', outcomes, 20_000);
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    for (const one of settled) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ fault: { kind: 'backend' } });
    }
    const more = await opened(backend, 2);
    await closed([...sessions, ...more]);
    await eventually(second.held).toEqual(NOTHING);
  });

  it('one that was away gets sessions again once a look has found it well', async () => {
    let away = false;
    const server = await scripted({ misbehave: (_, response) => away && response.destroy() !== undefined });
    const backend = await backendOver([server], { clocks: { everyMs: 50 }, now: () => performance.now() * 20 });
    away = true;
    await expect(backend.open(OPEN, never)).rejects.toMatchObject({ fault: { kind: 'backend_unavailable' } });
    await eventually(() => backend.open(OPEN, never).catch((error: FaultError) => error.message)).toMatch(
      /no server of backend 'gpu' that has 'tiny' is well; try again in \d+ s/,
    );
    away = false;
    const asked = server.requests('get_server_capabilities');
    let session: Session | undefined;
    await eventually(async () => {
      session ??= await backend.open(OPEN, never).catch(() => undefined);
      return session;
    }).toBeDefined();
    expect(server.requests('get_server_capabilities')).toBeGreaterThan(asked);
    await session?.close();
  });

  it('one with another revision of the model gets none', async () => {
    const [first, other] = [await scripted({ revision: 'one' }), await scripted({ revision: 'two' })];
    const backend = await backendOver([first, other]);
    await closed(await opened(backend, 4));
    expect(other.requests('create_session')).toBe(0);
    expect(logged.join('')).toMatch(/has revision two of 'tiny\/bytes', others one; passed over/);
  });
});

describe('what is sent', () => {
  it('numbers without a gap, weights of 1/n, all of Adam’s values, and the seed', async () => {
    const server = await scripted();
    const backend = await backendOver([server]);
    const optimiser = { learningRate: 2e-3, beta1: 0.8, beta2: 0.9, epsilon: 1e-7, weightDecay: 0.1 };
    const session = await backend.open({ ...OPEN, optimiser, seed: 9, method: 'full', tenant: 'acme' }, never);
    await Array.fromAsync(session.train(['abc', 'defgh'], never));
    await session.score('', 'xyz', never);
    await session.close();
    const bodies = (path: string): unknown[] => server.log.filter((one) => one.path === path).map(({ body }) => body);
    expect(bodies('create_session')).toMatchObject([{ user_metadata: { tenant: 'acme' } }]);
    expect(bodies('create_model')).toMatchObject([{ lora_config: { seed: 9 }, sift: { method: 'full' } }]);
    const [first, second, third] = bodies('forward_backward') as { seqId: number; weights: number[] }[];
    expect(first).toMatchObject({ inputs: [256, 97, 98], targets: [97, 98, 99], forwardOnly: false });
    expect(first?.weights).toEqual(Array(3).fill(Math.fround(1 / 3)));
    expect(second?.weights).toEqual(Array(5).fill(Math.fround(1 / 5)));
    expect(third).toMatchObject({ forwardOnly: true, targets: [120, 121, 122] });
    const adam_params = {
      learning_rate: 2e-3,
      beta1: 0.8,
      beta2: 0.9,
      eps: 1e-7,
      weight_decay: 0.1,
      grad_clip_norm: 0,
    };
    expect(bodies('optim_step')).toMatchObject([{ adam_params }, { adam_params }]);
    const numbers = [first, second, third].map((call) => call?.seqId ?? 0);
    const steps = (bodies('optim_step') as { seq_id: number }[]).map(({ seq_id }) => seq_id);
    expect([...numbers, ...steps].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(numbers[0]).toBeLessThan(steps[0] ?? 0);
  });

  it('all steps at once, before the first of them is done', async () => {
    const work = Promise.withResolvers<void>();
    const server = await scripted({
      misbehave: async ({ path, times }) => {
        if (path === 'retrieve_future' && times > 1) await work.promise;
        return false;
      },
    });
    const backend = await backendOver([server], { clocks: { pollMs: 20_000 } });
    const session = await backend.open(OPEN, never);
    const steps = Array.fromAsync(session.train(Array(40).fill('text'), never));
    await eventually(() => server.requests('optim_step')).toBe(40);
    work.resolve();
    expect((await steps).length).toBe(40);
    await session.close();
  });

  it('a key from the environment, in a header and nowhere else', async () => {
    const server = await scripted({ key: 'tml-secret' });
    const config = { servers: [{ url: server.url, keyEnv: 'GPU_KEY' }] };
    const backend = await backendOver([], { env: { GPU_KEY: 'tml-secret' } }, config);
    await closed(await opened(backend, 1));
    const wrong = backendOver([], { env: { GPU_KEY: 'tml-other' } }, config);
    await expect(wrong).rejects.toThrow(/refused the key \(401\): check the variable that keyEnv names/);
    await expect(wrong).rejects.not.toThrow(/tml-/);
    await expect(backendOver([], {}, config)).rejects.toThrow("backend 'gpu': the variable GPU_KEY is not set");
    expect(logged.join('')).not.toMatch(/tml-/);
  });

  it('heartbeats while a session is open, none after; a server that has ended it is believed', async () => {
    const server = await scripted();
    const backend = await backendOver([server], { clocks: { heartbeatMs: 10 } });
    const session = await backend.open(OPEN, never);
    await eventually(() => [...server.sessions.values()][0]?.beats).toBeGreaterThan(2);
    server.forget();
    const fault = () => session.score('', 'text', never).catch((error: FaultError) => inWords(error.fault));
    await eventually(fault).toMatch(/has forgotten this session's work: 'the session has ended'/);
    await session.close();
    const beats = server.requests('session_heartbeat');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.requests('session_heartbeat')).toBe(beats);
  });

  it('one sampler for several generations, and another after a step', async () => {
    const server = await scripted();
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    const say = () => Array.fromAsync(session.generate('Once', greedy, never));
    // at once too
    const said = await Promise.all([say(), say()]);
    expect(said[0]).toEqual(said[1]);
    expect(await say()).toEqual(said[0]);
    expect(server.held().samplers).toBe(1);
    await Array.fromAsync(session.train(['text'], never));
    await say();
    expect(server.held().samplers).toBe(2);
    await session.close();
    await eventually(server.held).toEqual(NOTHING);
  });
});

describe('a model', () => {
  it('has conversations written by the template among its server’s files', async () => {
    const template = '{% for m in messages %}<{{ m.role }}>{{ m.content }}\ne{% endfor %}';
    const server = await scripted({ files: { 'chat_template.jinja': template } });
    const backend = await backendOver([server]);
    expect(backend.models).toMatchObject([{ chat: 'own', capabilities: { topLogprobs: 0, penalties: false } }]);
    const session = await backend.open(OPEN, never);
    const messages = [{ role: 'user', content: 'hi' }] as const;
    await Array.fromAsync(session.generate({ messages }, greedy, never));
    const sent = server.log.find(({ path }) => path === 'asample')?.body as {
      prompt: { chunks: { tokens: number[] }[] };
    };
    expect(Buffer.from(sent.prompt.chunks[0]?.tokens ?? []).toString()).toBe('<user>hi\ne');
    await session.close();
  });

  it('that tells no log-probabilities of what it drew fails a request that wants them, and no other', async () => {
    const server = await scripted({ silent: true });
    const backend = await backendOver([server]);
    const session = await backend.open(OPEN, never);
    const say = (logprobs?: number) =>
      Array.fromAsync(session.generate('Once', { ...greedy, ...(logprobs === undefined ? {} : { logprobs }) }, never));
    await expect(say(0)).rejects.toThrow('told no log-probabilities');
    expect((await say()).length).toBeGreaterThan(0);
    await session.close();
  });

  it('is told as its server has it', async () => {
    const server = await scripted({
      slots: 20,
      files: { 'sift.json': '{"method":"lora","rank":4,"learning_rate":{"lora":0.002}}' },
    });
    const backend = await backendOver([server]);
    expect(backend.concurrency).toBe(10);
    expect(backend.models).toMatchObject([
      {
        id: 'tiny',
        contextTokens: 512,
        parameters: 66_049,
        capabilities: { methods: ['lora', 'full'], maxRank: 256, streaming: true, pipelined: true },
        defaults: { method: 'lora', rank: 4, learningRate: { lora: 0.002 }, from: 'measured' },
      },
    ]);
  });

  it('is tuned by its size where no file says how, by a method that the server has', async () => {
    const backend = await backendOver([await scripted({ methods: ['lora'] })]);
    expect(backend.models[0]?.defaults).toMatchObject({ method: 'lora', rank: 8, from: 'size' });
  });

  it.each<[string, object, object, RegExp]>([
    ['that no server has', {}, { serverName: 'gpt' }, /model 'tiny': no server offers 'gpt'; they offer: tiny\/bytes/],
    ['without a tokenizer', { extended: false }, {}, /hands out no tokenizer; name a directory with "tokenizer"/],
    ['without its file', { files: { 'tokenizer.json': undefined } }, {}, /it has no tokenizer.json/],
    ['whose file is none', { files: { 'tokenizer.json': '{' } }, {}, /tokenizer.json is not JSON/],
    ['whose defaults are wrong', { files: { 'sift.json': '{"rank":0}' } }, {}, /sift.json: rank/],
  ])('%s ends the start with a sentence', async (_, script, model, message) => {
    const server = await scripted(script);
    const models = [{ name: 'tiny', serverName: 'tiny/bytes', ...model }];
    await expect(backendOver([server], {}, { models })).rejects.toThrow(message);
  });
});

describe('texts', () => {
  it('are read beside the gateway’s own work: a text that takes long keeps nobody waiting, and its caller may go', async () => {
    const backend = await backendOver([await scripted()]);
    const session = await backend.open(OPEN, never);
    await session.count(['warm'], never);
    const leave = new AbortController();
    const counting = session.count(Array(50).fill('a'.repeat(256 * 1024)), leave.signal);
    // turns of this event loop while the thread reads
    let turns = 0;
    const others = setInterval(() => {
      turns += 1;
      if (turns === 20) leave.abort(new Error('gone'));
    }, 1);
    await expect(soon('the abort', counting)).rejects.toThrow('gone');
    clearInterval(others);
    await session.close();
  });
});

describe('adapters that servers keep', () => {
  const scored = async (session: Session) => (await session.score('', 'a text', never)).bits;
  const tunedOn = async (backend: Backend, text: string) => {
    const session = await backend.open(OPEN, never);
    await Array.fromAsync(session.train([text, text], never));
    const bits = await scored(session);
    const kept = await session.keeping?.keep(1e9, never);
    await session.close();
    if (kept === undefined) throw new Error('nothing was kept');
    return { bits, kept };
  };

  it('are resumed where they are, by a session that is opened for them and makes no other model', async () => {
    const servers = [await scripted(), await scripted(), await scripted()];
    const backend = await backendOver(servers);
    const tuned = [];
    for (const text of ['one', 'two', 'three', 'four']) tuned.push(await tunedOn(backend, text));
    expect(servers.map(({ kept }) => kept.size).reduce((sum, size) => sum + size)).toBe(4);
    const models = () => servers.map(({ requests }) => requests('create_model')).reduce((sum, count) => sum + count);
    const before = models();
    for (const { kept, bits } of tuned) {
      const session = await backend.open({ ...OPEN, from: kept }, never);
      expect(await session.keeping?.resume(kept, never)).toBe(true);
      expect(await scored(session)).toBe(bits);
      await session.close();
    }
    expect(models() - before).toBe(4);
    for (const { kept } of tuned) backend.release?.(kept);
    for (const server of servers) {
      await eventually(() => server.kept.size).toBe(0);
      await eventually(server.held).toEqual(NOTHING);
    }
  });

  it('serve a session that was opened without them too, after its first score', async () => {
    const server = await scripted();
    const backend = await backendOver([server]);
    const { kept, bits } = await tunedOn(backend, 'one');
    const session = await backend.open(OPEN, never);
    const base = await scored(session);
    expect(await session.keeping?.resume(kept, never)).toBe(true);
    expect(await scored(session)).toBe(bits);
    expect(base).not.toBe(bits);
    await session.close();
    await eventually(server.held).toEqual(NOTHING);
  });

  it('that are gone, or lie on a server that is away, cost the steps again and nothing else', async () => {
    const [first, second] = [await scripted(), await scripted()];
    const backend = await backendOver([first, second]);
    const { kept } = await tunedOn(backend, 'one');
    const [holder, other] = first.kept.size > 0 ? [first, second] : [second, first];
    holder.kept.clear();
    const session = await backend.open({ ...OPEN, from: kept }, never);
    expect(await session.keeping?.resume(kept, never)).toBe(false);
    expect((await Array.fromAsync(session.train(['one'], never))).length).toBe(1);
    await session.close();
    await holder.kill();
    const elsewhere = await backend.open({ ...OPEN, from: kept }, never);
    expect(await elsewhere.keeping?.resume(kept, never)).toBe(false);
    expect((await Array.fromAsync(elsewhere.train(['one'], never))).length).toBe(1);
    await elsewhere.close();
    await eventually(other.held).toEqual(NOTHING);
  });

  it('are not kept where a server has no room, nor by full fine-tuning', async () => {
    const small = await backendOver([await scripted({ keeps: false })]);
    const session = await small.open(OPEN, never);
    await Array.fromAsync(session.train(['one'], never));
    expect(await session.keeping?.keep(1e9, never)).toBeUndefined();
    await session.close();
    const full = await small.open({ ...OPEN, method: 'full' }, never);
    expect(full.keeping).toBeUndefined();
    await full.close();
  });
});
