// What every backend promises (gateway/backends/contract.ts), as one suite: describeBackend(name, make) runs it.
// Sessions are closed in `finally` and every wait is bounded, so that a backend that fails does not hang the rest.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  Backend,
  Generation,
  Method,
  OpenOptions,
  Piece,
  Sampling,
  Session,
  Step,
} from '../../gateway/backends/contract.ts';
import { at } from '../../wire/list.ts';
import type { Message } from '../../wire/tune/requests.ts';

/** Milliseconds after which a wait has failed: far above the second that an abort may take, on a busy machine too. */
const BOUND_MS = 30_000;
const never = new AbortController().signal;
const greedy: Sampling = { maxTokens: 6, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };
const sampled: Sampling = { ...greedy, maxTokens: 12, temperature: 1 };
const EXAMPLES = ['The first example.', 'A second one, a little longer than the first.', 'Three.'];
const TEXT = 'A text to be scored.';

const bounded = async <T>(work: Promise<T>): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${BOUND_MS} ms`)), BOUND_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

const generated = async (
  generation: AsyncGenerator<Piece, Generation, void>,
): Promise<{ pieces: Piece[]; text: string; end: Generation }> => {
  const pieces: Piece[] = [];
  for (let next = await generation.next(); ; next = await generation.next()) {
    if (next.done) return { pieces, text: pieces.map(({ text }) => text).join(''), end: next.value };
    pieces.push(next.value);
  }
};

/** `make` gives a backend with room for two sessions; it is closed after the suite. */
export const describeBackend = (name: string, make: () => Promise<Backend>): void => {
  describe(`the contract of a backend: ${name}`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await make();
    });
    afterAll(() => backend.close());

    const options = (changes: Partial<OpenOptions> = {}): OpenOptions => ({
      model: at(backend.models, 0).id,
      method: at(at(backend.models, 0).capabilities.methods, 0),
      rank: 4,
      seed: 1,
      reuseGradients: false,
      optimiser: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      ...changes,
    });

    const withSession = async <T>(
      use: (session: Session) => Promise<T>,
      changes: Partial<OpenOptions> = {},
    ): Promise<T> => {
      const session = await bounded(backend.open(options(changes), never));
      try {
        return await bounded(use(session));
      } finally {
        await bounded(session.close());
      }
    };
    const baseBits = (): Promise<number> => withSession(async (session) => (await session.score('', TEXT, never)).bits);
    const trained = async (session: Session, examples: readonly string[]): Promise<Step[]> =>
      Array.fromAsync(session.train(examples, never));
    const methods = (): readonly Method[] => at(backend.models, 0).capabilities.methods;

    it('tells its models, what they can do, and how many sessions it takes', () => {
      expect(backend.models.length).toBeGreaterThan(0);
      for (const { id, contextTokens, parameters, capabilities } of backend.models) {
        expect(id).not.toBe('');
        expect(contextTokens).toBeGreaterThan(0);
        expect(parameters).toBeGreaterThan(0);
        expect(new Set(capabilities.methods).size).toBe(capabilities.methods.length);
        if (capabilities.methods.includes('lora')) expect(capabilities.maxRank).toBeGreaterThan(0);
      }
      expect(backend.concurrency).toBeGreaterThanOrEqual(2);
    });

    it('counts the tokens of texts as it reads them as prompts, trained or not', async () => {
      const texts = ['Once', 'Once upon a time', 'Größe: 🌍', '', ' \n', `${TEXT} `.repeat(2_000)];
      await withSession(async (session) => {
        const counts = await session.count(texts, never);
        expect(counts.length).toBe(texts.length);
        for (const tokens of counts) expect(Number.isSafeInteger(tokens) && tokens >= 0).toBe(true);
        // a text beyond the context is counted whole
        expect(counts.at(-1)).toBeGreaterThan(at(backend.models, 0).contextTokens);
        for (const [i, prompt] of texts.slice(0, 3).entries()) {
          const { end } = await generated(session.generate(prompt, { ...greedy, maxTokens: 1 }, never));
          expect(end.promptTokens).toBe(counts[i]);
        }
        await trained(session, [TEXT]);
        expect(await session.count(texts, never)).toEqual(counts);
        expect(await session.count([], never)).toEqual([]);
      });
    });

    it('reads conversations as prompts, and answers them', async () => {
      const messages: Message[] = [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Once upon a time' },
      ];
      const longer: Message[] = [
        ...messages,
        { role: 'assistant', content: 'Yes.' },
        { role: 'user', content: 'And?' },
      ];
      await withSession(async (session) => {
        const [short, long] = await session.count([{ messages }, { messages: longer }], never);
        expect(short).toBeGreaterThan(0);
        expect(long).toBeGreaterThan(short ?? Number.NaN);
        await session.check({ messages }, never);
        const { end } = await generated(session.generate({ messages }, { ...greedy, maxTokens: 2 }, never));
        expect(end.promptTokens).toBe(short);
      });
    });

    it('cuts a prompt to its end, which it then reads as it counted it', async () => {
      const text = `${TEXT} `.repeat(2_000);
      const messages: Message[] = [
        { role: 'system', content: 'Be brief.' },
        ...Array.from({ length: 200 }, (_, i): Message[] => [
          { role: 'user', content: `${TEXT} ${i}` },
          { role: 'assistant', content: 'Yes.' },
        ]).flat(),
        { role: 'user', content: 'And now?' },
      ];
      const one: Message[] = [{ role: 'user', content: text }];
      await withSession(async (session) => {
        for (const prompt of [text, { messages }, { messages: one }]) {
          const [whole = 0] = await session.count([prompt], never);
          for (const most of [100, 200]) {
            const cut = await session.cut(prompt, most, never);
            expect(cut.kept).toBeLessThanOrEqual(most);
            expect(cut.kept).toBeGreaterThan(most / 2);
            expect(cut.kept + cut.dropped).toBe(whole);
            expect(await session.count([cut.prompt], never)).toEqual([cut.kept]);
            const { end } = await generated(session.generate(cut.prompt, { ...greedy, maxTokens: 2 }, never));
            expect(end.promptTokens).toBe(cut.kept);
          }
        }
        expect(await session.cut(TEXT, 200, never)).toMatchObject({ prompt: TEXT, dropped: 0 });
      });
    });

    it('tells how probable its tokens were, as many as there are, with bytes that join to the text', async () => {
      const { logprobs: tells, topLogprobs } = at(backend.models, 0).capabilities;
      if (!tells) return;
      for (const logprobs of [0, Math.min(3, topLogprobs)]) {
        const asked = { ...greedy, logprobs };
        const { pieces, text, end } = await withSession((session) => generated(session.generate('Once', asked, never)));
        const told = pieces.flatMap((piece) => piece.logprobs ?? []);
        expect(told.length).toBe(end.completionTokens);
        expect(Buffer.from(told.flatMap(({ bytes }) => bytes)).toString()).toBe(text);
        for (const { token, logprob, top } of told) {
          expect(logprob).toBeLessThanOrEqual(0);
          expect(logprob).toBeGreaterThan(-50);
          expect(top.length).toBe(logprobs);
          expect(top.map((one) => one.logprob)).toEqual(top.map((one) => one.logprob).toSorted((a, b) => b - a));
          // greedy: what was drawn is the likeliest
          if (logprobs > 0) expect(top[0]?.logprob).toBe(logprob);
          expect(typeof token).toBe('string');
        }
      }
      const silent = await withSession((session) => generated(session.generate('Once', greedy, never)));
      expect(silent.pieces.every((piece) => piece.logprobs === undefined)).toBe(true);
    });

    it('gives further samples of a prompt as if each were the first', async () => {
      const draws = async (session: Session, seeds: readonly number[], moreFollow: boolean) => {
        const said: unknown[] = [];
        for (const seed of seeds) {
          said.push((await generated(session.generate('Once', { ...sampled, seed, moreFollow }, never))).text);
        }
        return said;
      };
      const trainedBetween = async (session: Session, moreFollow: boolean) => {
        const before = await draws(session, [1, 2], moreFollow);
        await trained(session, [TEXT, TEXT]);
        return [...before, ...(await draws(session, [1, 2, 3], moreFollow))];
      };
      expect(await withSession((session) => trainedBetween(session, true))).toEqual(
        await withSession((session) => trainedBetween(session, false)),
      );
    });

    it('makes one step an example, in order, by every method it has', async () => {
      for (const method of methods()) {
        const steps = await withSession((session) => trained(session, EXAMPLES), { method });
        expect(steps.length).toBe(EXAMPLES.length);
        for (const { loss, tokens, ms, reused } of steps) {
          expect(Number.isFinite(loss)).toBe(true);
          expect(Number.isSafeInteger(tokens)).toBe(true);
          expect(tokens).toBeGreaterThan(0);
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(reused).toBe(false);
        }
        // in order: the second example is the longest, the last the shortest
        const [first, second, third] = steps.map(({ tokens }) => tokens);
        expect(second).toBeGreaterThan(first ?? Number.NaN);
        expect(third).toBeLessThan(first ?? Number.NaN);
      }
    });

    it('learns: the loss of an example falls with repeated steps on it', async () => {
      const losses = (await withSession((session) => trained(session, Array(4).fill(EXAMPLES[1])))).map(
        ({ loss }) => loss,
      );
      expect(losses.at(-1)).toBeLessThan(losses[0] ?? Number.NaN);
    });

    it('makes no steps on no examples, and changes nothing by it', async () => {
      await withSession(async (session) => {
        const before = await session.score('', TEXT, never);
        expect(await trained(session, [])).toEqual([]);
        expect(await session.score('', TEXT, never)).toEqual(before);
      });
    });

    it('takes texts of blanks, with finite losses and scores', async () => {
      await withSession(async (session) => {
        for (const { loss } of await trained(session, [' ', '\n\n', '\t '])) expect(Number.isFinite(loss)).toBe(true);
        const { bits, bytes } = await session.score(' ', ' \n ', never);
        expect([Number.isFinite(bits), bytes]).toEqual([true, 3]);
      });
    });

    it('scores in bits over UTF-8 bytes, the same each time, until it is trained', async () => {
      const text = 'Größe: 🌍';
      await withSession(async (session) => {
        const before = await session.score('', text, never);
        expect(before.bytes).toBe(Buffer.byteLength(text));
        expect(before.bits).toBeGreaterThan(0);
        expect(await session.score('', text, never)).toEqual(before);
        await trained(session, [text, text]);
        expect((await session.score('', text, never)).bits).toBeLessThan(before.bits);
      });
    });

    it('keeps sessions apart, and leaves the base weights as they were', async () => {
      const before = await baseBits();
      const [one, two] = await bounded(Promise.all([backend.open(options(), never), backend.open(options(), never)]));
      try {
        await bounded(trained(one, [TEXT, TEXT]));
        expect((await bounded(two.score('', TEXT, never))).bits).toBe(before);
        expect((await bounded(one.score('', TEXT, never))).bits).toBeLessThan(before);
      } finally {
        await bounded(Promise.all([one.close(), two.close()]));
      }
      expect(await baseBits()).toBe(before);
    });

    it('generates pieces that join to one text, and says why and how much', async () => {
      const { pieces, end } = await withSession((session) => generated(session.generate('Once', greedy, never)));
      let tokens = 0;
      for (const piece of pieces) {
        expect(piece.text).not.toBe('');
        expect(piece.tokens).toBeGreaterThanOrEqual(tokens);
        tokens = piece.tokens;
      }
      expect(end.promptTokens).toBeGreaterThan(0);
      expect(end.completionTokens).toBeGreaterThanOrEqual(tokens);
      expect(end.completionTokens).toBeLessThanOrEqual(greedy.maxTokens);
      expect(['stop', 'length']).toContain(end.finishReason);
    });

    it('ends at maxTokens with `length`, and generates nothing for 0', async () => {
      await withSession(async (session) => {
        const one = await generated(session.generate('Once', { ...greedy, maxTokens: 1 }, never));
        expect(one.end).toMatchObject({ finishReason: 'length', completionTokens: 1 });
        const none = await generated(session.generate('Once', { ...greedy, maxTokens: 0 }, never));
        expect([none.text, none.end.finishReason, none.end.completionTokens]).toEqual(['', 'length', 0]);
      });
    });

    it('ends before a stop string, which is not in the text', async () => {
      await withSession(async (session) => {
        const { text } = await generated(session.generate('Once', greedy, never));
        const stop = text.slice(2, 4);
        const stopped = await generated(session.generate('Once', { ...greedy, stop: [stop] }, never));
        expect(stop.length).toBe(2);
        expect(stopped.end.finishReason).toBe('stop');
        expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
      });
    });

    it('gives the same text for the same seed, and not for every seed the same', async () => {
      const texts: string[] = [];
      await withSession(async (session) => {
        for (const seed of [7, 7, 8, 9]) {
          texts.push((await generated(session.generate('Once', { ...sampled, seed }, never))).text);
        }
      });
      expect(texts[1]).toBe(texts[0]);
      expect(new Set(texts).size).toBeGreaterThan(1);
    });

    it('tells the losses of texts under its weights, as its steps then do, and changes nothing by it', async () => {
      const examples = [...EXAMPLES, ' ', 'Größe: 🌍'];
      for (const method of methods()) {
        await withSession(
          async (session) => {
            const losses = await Array.fromAsync(session.losses(examples, never));
            expect(losses.length).toBe(examples.length);
            expect(await Array.fromAsync(session.losses(examples, never))).toEqual(losses);
            expect(await Array.fromAsync(session.losses([], never))).toEqual([]);
            const steps = await trained(session, examples);
            // a step at such a rate changes next to nothing, so that each loss is the base's, of the same tokens
            for (const [i, { loss }] of steps.entries()) expect(losses[i]).toBeCloseTo(loss, 4);
          },
          { method, optimiser: { ...options().optimiser, learningRate: 1e-12 } },
        );
      }
    });

    it('cuts a text that is too long for a step alike for its loss', async () => {
      const long = `${TEXT} `.repeat(2_000);
      await withSession(async (session) => {
        const [loss] = await Array.fromAsync(session.losses([long], never));
        const [step] = await trained(session, [long]);
        expect(step?.truncated).toBe(true);
        expect(loss).toBeCloseTo(step?.loss ?? Number.NaN, 4);
      });
    });

    it('tells losses under the weights after its steps too', async () => {
      await withSession(async (session) => {
        const [before] = await Array.fromAsync(session.losses([TEXT], never));
        await trained(session, [TEXT, TEXT]);
        const [after] = await Array.fromAsync(session.losses([TEXT], never));
        expect(after).toBeLessThan(before ?? Number.NaN);
        expect((await trained(session, [TEXT]))[0]?.loss).toBeCloseTo(after ?? Number.NaN, 4);
      });
    });

    it('is, after a restart, bit for bit the session that is opened at that rate', async () => {
      for (const method of methods()) {
        for (const reuseGradients of [false, true]) {
          const examples = [...EXAMPLES, at(EXAMPLES, 0)];
          const work = async (session: Session) => {
            const steps = (await trained(session, examples)).map(({ ms: _, ...step }) => step);
            const said = await generated(session.generate('Once', { ...sampled, seed: 5 }, never));
            return { steps, said, score: await session.score('', TEXT, never) };
          };
          const changes = { method, reuseGradients };
          const slower = { ...options().optimiser, learningRate: 3e-4 };
          const fresh = await withSession(work, { ...changes, optimiser: slower });
          const again = await withSession(async (session) => {
            // an odd count of the repeated example: a kept gradient must not survive
            await trained(session, [...examples, at(EXAMPLES, 1), at(EXAMPLES, 1)]);
            await session.restart(3e-4, never);
            const base = await session.score('', TEXT, never);
            return { base, work: await work(session) };
          }, changes);
          expect(again.work).toEqual(fresh);
          expect(again.base.bits).toBe(await baseBits());
          expect(again.work.score.bits).not.toBe(again.base.bits);
        }
      }
    });

    it('comes back from weights that are no numbers, by a restart', async () => {
      const wild = { ...options().optimiser, learningRate: 1 };
      await withSession(
        async (session) => {
          await trained(session, [...EXAMPLES, ...EXAMPLES]);
          await session.restart(1e-3, never);
          expect((await session.score('', TEXT, never)).bits).toBe(await baseBits());
          for (const { loss } of await trained(session, EXAMPLES)) expect(Number.isFinite(loss)).toBe(true);
        },
        { optimiser: wild },
      );
    });

    it('gives a later session the weights that it has kept, bit for bit and without a step', async () => {
      for (const method of methods()) {
        const said = async (session: Session) => ({
          text: (await generated(session.generate('Once', { ...sampled, seed: 5 }, never))).text,
          bits: (await session.score('', TEXT, never)).bits,
        });
        const first = await withSession(
          async (session) => {
            await trained(session, EXAMPLES);
            const answer = await said(session);
            const kept = await session.keeping?.keep(1e9, never);
            // what the session does afterwards is no part of it
            await trained(session, [TEXT, TEXT]);
            return { answer, kept, keeps: session.keeping !== undefined };
          },
          { method },
        );
        if (!first.keeps) continue;
        const { kept } = first;
        if (kept === undefined) throw new Error('nothing was kept');
        expect(kept.bytes).toBeGreaterThanOrEqual(0);
        for (let times = 0; times < 2; times++) {
          const again = await withSession(
            async (session) => {
              expect(await session.keeping?.resume(kept, never)).toBe(true);
              const answer = await said(session);
              await trained(session, [TEXT]);
              return answer;
            },
            { method },
          );
          expect(again).toEqual(first.answer);
        }
        backend.release?.(kept);
        expect(await baseBits()).not.toBe(first.answer.bits);
      }
    });

    it('keeps nothing that is larger than it may be, and knows nothing of what it never kept', async () => {
      await withSession(async ({ keeping, ...session }) => {
        if (keeping === undefined) return;
        // what is kept elsewhere takes none of these bytes
        expect((await keeping.keep(10, never))?.bytes ?? 0).toBeLessThanOrEqual(10);
        const before = await session.score('', TEXT, never);
        expect(await keeping.resume({ bytes: 10 }, never)).toBe(false);
        expect(await session.score('', TEXT, never)).toEqual(before);
      });
    });

    it('refuses a model that it does not have', async () => {
      await expect(bounded(backend.open(options({ model: 'no such model' }), never))).rejects.toMatchObject({
        name: 'FaultError',
      });
      expect(await baseBits()).toBeGreaterThan(0);
    });

    const aborts: Record<string, (session: Session, signal: AbortSignal, abort: () => void) => Promise<unknown>> = {
      train: async (session, signal, abort) => {
        for await (const _ of session.train(Array(200).fill(TEXT.repeat(20)), signal)) abort();
      },
      generate: async (session, signal, abort) => {
        for await (const _ of session.generate('Once', { ...sampled, maxTokens: 400 }, signal)) abort();
      },
      score: (session, signal, abort) => {
        const scoring = session.score('', TEXT.repeat(1_000), signal);
        abort();
        return scoring;
      },
      losses: async (session, signal, abort) => {
        for await (const _ of session.losses(Array(200).fill(TEXT.repeat(20)), signal)) abort();
      },
      restart: async (session, signal, abort) => {
        const restarting = session.restart(1e-3, signal);
        abort();
        return restarting;
      },
      cut: (session, signal, abort) => {
        const cutting = session.cut({ messages: [{ role: 'user', content: TEXT.repeat(5_000) }] }, 100, signal);
        abort();
        return cutting;
      },
      count: (session, signal, abort) => {
        const counting = session.count(Array(100).fill(TEXT.repeat(1_000)), signal);
        abort();
        return counting;
      },
      'train, before its first step': (session, signal, abort) => {
        const first = session
          .train([TEXT.repeat(100)], signal)
          [Symbol.asyncIterator]()
          .next();
        abort();
        return first;
      },
    };
    it.each(Object.keys(aborts))(
      'ends soon after an abort in %s, with its reason, and serves the next',
      async (stage) => {
        const before = await baseBits();
        const leave = new AbortController();
        const session = await bounded(backend.open(options(), leave.signal));
        try {
          const abort = () => leave.abort(new Error('gone'));
          await expect(bounded(aborts[stage]?.(session, leave.signal, abort) ?? Promise.resolve())).rejects.toThrow(
            'gone',
          );
        } finally {
          await bounded(session.close());
        }
        expect(await baseBits()).toBe(before);
      },
    );

    it('opens nothing for a caller who has gone', async () => {
      const gone = AbortSignal.abort(new Error('gone'));
      await expect(bounded(backend.open(options(), gone))).rejects.toThrow('gone');
      expect(await baseBits()).toBeGreaterThan(0);
    });

    it('ends its work when a loop is left early, and the session goes on', async () => {
      await withSession(async (session) => {
        let steps = 0;
        for await (const _ of session.train(EXAMPLES, never)) {
          steps += 1;
          break;
        }
        let pieces = 0;
        for await (const _ of session.generate('Once', { ...sampled, maxTokens: 400 }, never)) {
          pieces += 1;
          break;
        }
        expect([steps, pieces]).toEqual([1, 1]);
        expect((await session.score('', TEXT, never)).bits).toBeGreaterThan(0);
      });
    });

    it('closes a session twice, and during a step', async () => {
      const session = await bounded(backend.open(options(), never));
      const step = trained(session, [TEXT]).catch(() => []);
      await bounded(Promise.all([session.close(), session.close()]));
      await bounded(step);
      expect(await baseBits()).toBeGreaterThan(0);
    });
  });
};
