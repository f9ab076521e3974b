// The embedded backend with the shipped model: isolation, cancellation, crashes, and that tuning does what it is for.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, OpenOptions, Sampling, Session, Step } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';

const directory = new URL('../../models/base', import.meta.url).pathname;
const never = new AbortController().signal;
const optimiser = { learningRate: 5e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
const full: OpenOptions = { model: 'base', method: 'full', rank: 8, seed: 1, reuseGradients: false, optimiser };
const lora: OpenOptions = { ...full, method: 'lora', optimiser: { ...optimiser, learningRate: 5e-3 } };
const greedy: Sampling = { maxTokens: 12, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };

const recipe = (name: string): string =>
  `## ${name}.brew(options)\n\nBrews a pot of ${name} with the given options and returns a \`Promise<Pot>\`.\n\n\`\`\`ts\nconst pot = await ${name}.brew({ grams: 18, seconds: 30 });\n\`\`\`\n`;

let backend: Backend;
beforeAll(async () => {
  backend = await createEmbeddedBackend({ models: { base: directory }, workers: 2 });
});
afterAll(() => backend?.close());

/** Sessions of the running test: what a failed one leaves open would keep every later test waiting for a worker. */
const opened: Promise<Session>[] = [];
const open = (options: OpenOptions, signal = never): Promise<Session> => {
  const session = backend.open(options, signal);
  opened.push(session);
  return session;
};
afterEach(async () => {
  // closing one may be what lets the next be opened, and closed
  const closed = opened.splice(0).map((session) => session.then((one) => one.close()).catch(() => {}));
  await Promise.all(closed);
});

const text = async (session: Session, prompt: string, sampling = greedy, signal = never) => {
  const pieces: string[] = [];
  const generation = session.generate(prompt, sampling, signal);
  let next = await generation.next();
  for (; !next.done; next = await generation.next()) pieces.push(next.value.text);
  return { text: pieces.join(''), ...next.value };
};

/** One gradient step, begun at once. */
const stepOn = async (session: Session, example: string, signal: AbortSignal): Promise<Step> => {
  for await (const step of session.train([example], signal)) return step;
  throw new Error('the step was not made');
};

const withSession = async <T>(options: OpenOptions, use: (session: Session) => Promise<T>): Promise<T> => {
  const session = await open(options);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
};

describe('the embedded backend', () => {
  it('tells its model', () => {
    expect(backend.models).toMatchObject([{ id: 'base' }]);
    expect(backend.models[0]?.parameters).toBeGreaterThan(3e6);
    expect(backend.concurrency).toBe(2);
  });

  it.each([
    ['full', full],
    ['lora', lora],
  ])('needs fewer bits for related text after a few %s steps', async (_, options) => {
    await withSession(options, async (session) => {
      const before = await session.score('', recipe('tea'), never);
      for (const name of ['coffee', 'mate', 'cocoa']) {
        const step = await stepOn(session, recipe(name), never);
        expect(step.loss).toBeGreaterThan(0);
        expect(step.tokens).toBeGreaterThan(20);
      }
      const after = await session.score('', recipe('tea'), never);
      expect(after.bits).toBeLessThan(0.8 * before.bits);
      expect(after.bytes).toBe(Buffer.byteLength(recipe('tea')));
    });
  });

  it('starts every session from the base weights, also beside another that trains', async () => {
    const baseScore = await withSession(full, (session) => session.score('', recipe('tea'), never));
    const alone = await withSession(full, async (session) => {
      await stepOn(session, recipe('mate'), never);
      return session.score('', recipe('tea'), never);
    });
    const [one, two] = await Promise.all([open(full), open(lora)]);
    await Promise.all([stepOn(one, recipe('mate'), never), stepOn(two, 'something else entirely', never)]);
    await Promise.all([stepOn(two, 'and again', never), stepOn(two, 'and again', never)]);
    expect(await one.score('', recipe('tea'), never)).toEqual(alone);
    await Promise.all([one.close(), two.close()]);
    expect(await withSession(full, (session) => session.score('', recipe('tea'), never))).toEqual(baseScore);
  });

  it('repeats a sampled text by its seed, and stops at maxTokens', async () => {
    const sampled = { ...greedy, temperature: 1, seed: 3 };
    const draw = (sampling: Sampling) => withSession(full, (session) => text(session, '# Usage\n', sampling));
    const [a, b, c] = [await draw(sampled), await draw(sampled), await draw({ ...sampled, seed: 4 })];
    expect(a).toEqual(b);
    expect(a.text).not.toBe(c.text);
    expect(a.completionTokens).toBeLessThanOrEqual(12);
  });

  it('never cuts a prompt: it takes as many tokens as the context leaves, and refuses what leaves none', async () => {
    const context = backend.models[0]?.contextTokens ?? 0;
    await withSession(full, async (session) => {
      // "word " is two tokens of this model at its end: 1,019 words and the last space are 1,020
      const long = await text(session, 'word '.repeat(context - 5), { ...greedy, maxTokens: 600 });
      expect(long).toMatchObject({ promptTokens: context - 4, completionTokens: 4, finishReason: 'length' });
      await expect(text(session, 'word '.repeat(3_000), { ...greedy, maxTokens: 4 })).rejects.toMatchObject({
        fault: { kind: 'context_length', param: 'prompt', got: 3_001, limit: context },
        message: `prompt is 3001 tokens, which leaves no room: this model's maximum context length is ${context} tokens`,
      });
      await expect(session.check('word '.repeat(3_000), never)).rejects.toMatchObject({
        fault: { kind: 'context_length', got: 3_001, limit: context },
      });
      await session.check('word '.repeat(context - 2), never);
      // the session goes on, and an empty prompt begins with the start token
      expect((await text(session, '', { ...greedy, maxTokens: 4 })).promptTokens).toBe(1);
    });
  });

  it('says which examples it cut', async () => {
    await withSession(full, async (session) => {
      const examples = ['word '.repeat(200), 'word '.repeat(2_000)];
      const steps = await Array.fromAsync(session.train(examples, never));
      expect(steps).toMatchObject([
        { tokens: 201, truncated: false },
        { tokens: 1_024, truncated: true },
      ]);
    });
  });

  it('carries a fault of the worker over as it is, and what is no fault as the backend’s', async () => {
    const unfit = { ...full, optimiser: { ...optimiser, epsilon: 1e-60 } };
    await withSession(unfit, async (session) => {
      await stepOn(session, 'a', never);
      await expect(session.score('', 'b', never)).rejects.toMatchObject({
        fault: { kind: 'backend', message: expect.stringContaining('not finite numbers after 1 step') },
      });
    });
    await expect(withSession({ ...full, method: 'lora', rank: -1 }, async () => {})).rejects.toMatchObject({
      fault: { kind: 'backend', message: 'Invalid typed array length: -256' },
    });
    expect((await withSession(full, (next) => next.score('', 'x', never))).tokens).toBe(1);
  });

  it('scores a text longer than the context', async () => {
    const many = recipe('tea').repeat(60);
    const score = await withSession(full, (session) => session.score('', many, never));
    expect(score.tokens).toBeGreaterThan(backend.models[0]?.contextTokens ?? 0);
    expect(score.bits / score.bytes).toBeLessThan(4);
    expect(Number.isFinite(score.bits)).toBe(true);
  });

  it('answers an abort during a step at once, and serves the next caller', async () => {
    const session = await open(full);
    const leave = new AbortController();
    const step = stepOn(session, recipe('tea').repeat(30), leave.signal);
    setTimeout(() => leave.abort(new Error('gone')), 30);
    await expect(step).rejects.toThrow('gone');
    await session.close();
    expect((await withSession(full, (next) => next.score('', 'next', never))).tokens).toBeGreaterThan(0);
  });

  it('stops a generation when its consumer stops', async () => {
    const session = await open(full);
    const pieces = session.generate('# Usage\n', { ...greedy, maxTokens: 400, temperature: 1 }, never);
    await pieces.next();
    await pieces.return({ finishReason: 'length', promptTokens: 0, completionTokens: 0 });
    await session.close(); // resolves only when the worker is idle again
    expect((await withSession(full, (next) => next.score('', 'next', never))).tokens).toBeGreaterThan(0);
  });

  it('waits for a free worker, and a waiting caller may leave', async () => {
    const held = await Promise.all([open(full), open(full)]);
    const leave = new AbortController();
    const third = open(full, leave.signal);
    const fourth = open(full);
    leave.abort(new Error('gone'));
    await expect(third).rejects.toThrow('gone');
    await held[0]?.close();
    const opened = await fourth;
    expect((await opened.score('', 'x', never)).tokens).toBe(1);
    await Promise.all([opened.close(), held[1]?.close()]);
  });

  it('refuses a model it does not have and keeps serving', async () => {
    await expect(backend.open({ ...full, model: 'other' }, never)).rejects.toMatchObject({
      fault: { kind: 'backend' },
    });
    expect((await withSession(full, (session) => session.score('', 'x', never))).tokens).toBe(1);
  });

  it('turns a worker that dies into a fault of its own session, and replaces it', async () => {
    const [a, b] = await Promise.all([open(full), open(full)]);
    const steps = Promise.allSettled([stepOn(a, recipe('tea'), never), stepOn(b, recipe('tea'), never)]);
    for (const { pid } of workers().slice(0, 1)) process.kill(pid, 'SIGKILL');
    const outcomes = (await steps).map((outcome) => (outcome.status === 'rejected' ? outcome.reason : 'done'));
    expect(outcomes).toContain('done');
    expect(outcomes.filter((outcome) => outcome !== 'done')).toMatchObject([
      { fault: { kind: 'backend', message: 'its worker ended with signal SIGKILL' } },
    ]);
    await Promise.all([a.close(), b.close()]);
    const again = await Promise.all([open(full), open(full)]);
    await Promise.all(again.map((session) => stepOn(session, recipe('tea'), never)));
    await Promise.all(again.map((session) => session.close()));
  });

  it('leaves no worker behind and nothing on stderr when its process is killed while it answers', async () => {
    const module = new URL('../../gateway/backends/embedded/index.ts', import.meta.url).href;
    const script = `const { createEmbeddedBackend } = await import(${JSON.stringify(module)});
      setInterval(() => {}, 1000);
      const never = new AbortController().signal;
      const backend = await createEmbeddedBackend({ models: { base: ${JSON.stringify(directory)} } });
      const session = await backend.open(${JSON.stringify(full)}, never);
      for (let i = 0; i < 50; i++) void session.count(['a'], never);
      setImmediate(() => process.kill(process.pid, 'SIGKILL'));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: string[] = [];
    child.stderr.on('data', (data) => said.push(String(data)));
    // the worker holds the other end until it has ended itself
    await once(child.stderr, 'close');
    expect(said.join('')).toBe('');
  });

  it('does not grow with the number of sessions', async () => {
    const run = () => withSession(full, (session) => stepOn(session, recipe('tea'), never));
    const memory = () => workers().reduce((sum, { rss }) => sum + rss, 0);
    for (let i = 0; i < 8; i++) await run();
    const before = memory();
    for (let i = 0; i < 16; i++) await run();
    // a session's copies are about 100 MB: 16 of them would be far over this
    expect(memory() - before).toBeLessThan(400e6);
  });
});

/** This process's children that are workers, with their resident bytes. */
const workers = (): { pid: number; rss: number }[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)/.exec(line))
    .filter((match) => match !== null && Number(match[2]) === process.pid && /embedded\/worker/.test(match[4] ?? ''))
    .map((match) => ({ pid: Number(match?.[1]), rss: Number(match?.[3]) * 1024 }));
