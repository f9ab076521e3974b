import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../functions/http/errors.ts';
import { untilDone } from '../../functions/openai/run.ts';
import { answerStream, type StreamOptions } from '../../functions/openai/stream.ts';
import { textShape } from '../../functions/openai/text-shape.ts';
import { answerWhole } from '../../functions/openai/whole.ts';
import { FaultError } from '../../wire/faults.ts';
import type { TuneEvent } from '../../wire/tune/responses.ts';

const envelope = { id: 'cmpl-1', created: 1_700_000_000, model: 'base:sift' };
const step = (index: number): TuneEvent => ({
  event: 'step',
  step: { index, of: 2, id: 'readme\n\ndata: fake', loss: 2.5, tokens: 9, ms: 3, truncated: false, reused: false },
});
const usage: Extract<TuneEvent, { event: 'usage' }> = {
  event: 'usage',
  usage: {
    prompt_tokens: 5,
    completion_tokens: 2,
    tuning_tokens: 18,
    steps: 2,
    tuning: { method: 'lora', rank: 32, learning_rate: 1e-3, guard: null, adapter: null },
    ms: { queue: 0, open: 0, tune: 0, generate: 0 },
  },
};
const GOOD: TuneEvent[] = [
  { event: 'queued', position: 3 },
  step(0),
  step(1),
  { event: 'token', index: 0, text: 'Hel', tokens: 1 },
  { event: 'token', index: 0, text: 'lo', tokens: 2 },
  usage,
  { event: 'done', finish_reason: 'length' },
];

async function* eventsOf(events: readonly (TuneEvent | Error)[]): AsyncGenerator<TuneEvent, void, void> {
  for (const event of events) {
    if (event instanceof Error) throw event;
    yield event;
  }
}

const ONE = { prompts: 1, n: 1 };
const streamOf = (events: readonly (TuneEvent | Error)[], options: Partial<StreamOptions> = {}) => {
  const told = untilDone(eventsOf(events), options.n ?? 1);
  return answerStream(textShape(envelope), told, { ...ONE, includeUsage: false, includeSift: false, ...options });
};
const textOf = async (events: readonly (TuneEvent | Error)[], includeUsage = false, preface: string[] = []) => {
  let text = '';
  const prefaces = preface.map((words) => ({ words, data: {} }));
  for await (const piece of streamOf(events, { includeUsage, prefaces })) text += piece;
  return text;
};
const wholeOf = async (events: readonly (TuneEvent | Error)[]) => {
  const { answer, accounts } = await answerWhole(textShape(envelope), untilDone(eventsOf(events), 1), ONE);
  return { completion: answer, context: accounts[0]?.context };
};

/** What an SDK sees: `data:` lines only. */
const dataOf = (text: string): string[] =>
  text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice('data: '.length)] : []));

describe('a streamed completion', () => {
  it('is text chunks, a last chunk with the reason, and [DONE]', async () => {
    const data = dataOf(await textOf(GOOD));
    expect(data.at(-1)).toBe('[DONE]');
    const chunks = data.slice(0, -1).map((line) => JSON.parse(line));
    expect(chunks.map((chunk) => chunk.choices[0].text)).toEqual(['Hel', 'lo', '']);
    expect(chunks.map((chunk) => chunk.choices[0].finish_reason)).toEqual([null, null, 'length']);
    expect(chunks[0]).toMatchObject({ id: 'cmpl-1', object: 'text_completion', model: 'base:sift' });
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
  });

  it('tells progress in comments only, whatever an id holds', async () => {
    const text = await textOf(GOOD, false, ['selected 2 of 50']);
    const comments = text.split('\n').filter((line) => line.startsWith(':'));
    expect(comments[0]).toBe(': selected 2 of 50');
    expect(comments[1]).toBe(': queued 3');
    expect(comments[2]).toMatch(/^: step 1\/2 loss 2\.5000 example readme data: fake$/);
    // nothing but comments, data and blank lines
    expect(text.split('\n').every((line) => /^(: .*|data: .*|)$/.test(line))).toBe(true);
    expect(dataOf(text).some((line) => line.includes('fake'))).toBe(false);
  });

  it('adds a usage chunk when asked, and null usage before it', async () => {
    const chunks = dataOf(await textOf(GOOD, true))
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
    });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });

  const error = { message: 'the backend failed: out of memory', type: 'server_error', code: 'backend', param: null };
  it.each<[string, (TuneEvent | Error)[], Record<string, unknown>]>([
    ['an error event', [...GOOD.slice(0, 4), { event: 'error', error }], error],
    [
      'a fault',
      [...GOOD.slice(0, 4), new FaultError({ kind: 'gateway_timeout', stage: 'idle', afterMs: 5 })],
      { code: 'gateway_timeout' },
    ],
    ['an end without a result', GOOD.slice(0, 5), { code: 'backend' }],
    ['what nobody foresaw', [GOOD[3] as TuneEvent, new TypeError('secret detail')], { code: 'internal' }],
  ])('that fails with %s ends in data: {"error"} and never [DONE]', async (_, events, want) => {
    const data = dataOf(await textOf(events));
    expect(data).not.toContain('[DONE]');
    expect(JSON.parse(data.at(-1) ?? '')).toMatchObject({ error: want });
    expect(data.join('\n')).not.toContain('secret');
  });
});

const RESTART: Extract<TuneEvent, { event: 'restart' }> = {
  event: 'restart',
  restart: { undone: 2, of: 2, learning_rate: 3e-4, reason: 'the last 2 picks\ncost more' },
};
const GUARDED: TuneEvent = {
  ...usage,
  usage: {
    ...usage.usage,
    tuning: {
      ...usage.usage.tuning,
      guard: {
        prequential: -0.25,
        kept_steps: 2,
        undone_steps: 2,
        rate: 3e-4,
        restarts: 1,
        outcome: 'lowered',
        reason: 'the last 2 picks cost more',
      },
    },
  },
};

describe('steps that the guard undid', () => {
  const events = [...GOOD.slice(0, 3), RESTART, step(0), step(1), ...GOOD.slice(3, 5), GUARDED, ...GOOD.slice(6)];
  it('are told in comments, in their place, and what became of them at the end', async () => {
    const text = await textOf(events, true);
    const comments = text.split('\n').filter((line) => line.startsWith(':'));
    expect(comments.slice(1).map((line) => line.replace(/ loss.*/, ''))).toEqual([
      ': step 1/2',
      ': step 2/2',
      ': restart: 2 steps undone, 2 follow at learning_rate 0.0003: the last 2 picks cost more',
      ': step 1/2',
      ': step 2/2',
      ': guard lowered: 2 steps at learning_rate 0.0003, -0.2500 nats a token from the base on new picks; the last 2 picks cost more',
    ]);
    const chunks = dataOf(text)
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(chunks.at(-1).usage.prompt_tokens_details.tuning.guard).toMatchObject({ outcome: 'lowered', kept_steps: 2 });
  });

  it('are told as such where the base model answers', async () => {
    const base: TuneEvent = { ...RESTART, restart: { ...RESTART.restart, of: 0 } };
    expect(await textOf([...GOOD.slice(0, 3), base, ...GOOD.slice(3)])).toContain(
      ': restart: 2 steps undone, the base model answers: the last 2 picks cost more\n',
    );
  });

  it('are told in the usage of a completion in one object', async () => {
    const { completion } = await wholeOf(events);
    expect(completion).toMatchObject({
      usage: { prompt_tokens_details: { tuning: { learning_rate: 1e-3, guard: { outcome: 'lowered', rate: 3e-4 } } } },
    });
  });
});

const CONTEXT: TuneEvent = { event: 'context', examples: 7, dropped: 3, tokens: 512 };
const WITH_CONTEXT = [...GOOD.slice(0, 3), CONTEXT, ...GOOD.slice(3)];

describe('progress as data', () => {
  const dataWith = async (events: readonly TuneEvent[], options: Partial<StreamOptions> = {}) => {
    let text = '';
    for await (const piece of streamOf(events, { includeSift: true, ...options })) text += piece;
    expect(text).not.toMatch(/^:/m);
    return dataOf(text)
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  };

  it('takes the place of comments, steps that were undone and the guard among it', async () => {
    const events = [...GOOD.slice(0, 3), RESTART, step(0), step(1), ...GOOD.slice(3, 5), GUARDED, ...GOOD.slice(6)];
    const chunks = await dataWith(events, { includeUsage: true });
    const told = chunks.flatMap((chunk) => ('sift' in chunk ? [chunk.sift] : []));
    expect(told.map((one) => Object.keys(one).join())).toEqual([
      'queued',
      'step',
      'step',
      'restart',
      'step',
      'step',
      'guard',
    ]);
    expect(told[3]).toEqual({ restart: RESTART.restart });
    expect(told.at(-1)).toMatchObject({ guard: { outcome: 'lowered', kept_steps: 2 } });
    expect(chunks.filter((chunk) => 'sift' in chunk).every(({ choices }) => choices.length === 0)).toBe(true);
    expect(chunks.at(-1).usage).toMatchObject({ prompt_tokens_details: { tuning_tokens: 18, tuning_steps: 2 } });
  });

  it('tells an adapter that was found by the number of its steps', async () => {
    const steps = [step(0), step(1)].flatMap((one) => (one.event === 'step' ? [one.step] : []));
    const adapter: TuneEvent = { event: 'adapter', adapter: { id: 'a1', reused: true, steps } };
    const [, found] = await dataWith([GOOD[0] as TuneEvent, adapter, ...GOOD.slice(3)]);
    expect(found.sift).toEqual({ adapter: { id: 'a1', reused: true, steps: 2 } });
  });
});

describe('samples', () => {
  const told = (index: number, text: string): TuneEvent => ({ event: 'token', index, text, tokens: 1 });
  const events: TuneEvent[] = [
    told(1, 'b'),
    told(0, 'a'),
    { event: 'finish', index: 1, finish_reason: 'length' },
    told(0, 'A'),
    { event: 'finish', index: 0, finish_reason: 'stop' },
    usage,
    { event: 'done', finish_reason: 'stop' },
  ];

  it('alternate in a stream, each with one end, and are put in order in a whole answer', async () => {
    let text = '';
    for await (const piece of streamOf(events, { n: 2 })) text += piece;
    const choices = dataOf(text)
      .slice(0, -1)
      .map((line) => JSON.parse(line).choices[0]);
    expect(choices.map(({ index, text: piece, finish_reason }) => [index, piece, finish_reason])).toEqual([
      [1, 'b', null],
      [0, 'a', null],
      [1, '', 'length'],
      [0, 'A', null],
      [0, '', 'stop'],
    ]);
    const { answer } = await answerWhole(textShape(envelope), untilDone(eventsOf(events), 2), { prompts: 1, n: 2 });
    expect(answer).toMatchObject({ choices: [{ text: 'aA' }, { text: 'b', finish_reason: 'length' }] });
  });

  it('that never end are no result', async () => {
    const cut = events.filter((event) => event.event !== 'finish');
    const whole = answerWhole(textShape(envelope), untilDone(eventsOf(cut), 2), { prompts: 1, n: 2 });
    await expect(whole).rejects.toThrow('the work ended without a result');
  });
});

describe('log-probabilities in the older form', () => {
  it('name a part of a character by its bytes, and count its place once', async () => {
    const token = (text: string, bytes: number[]) => ({ token: text, bytes, logprob: -1, top: [] });
    const smile = [...Buffer.from('😀')];
    const logprobs = [
      token('x', [120]),
      token('\ufffd', smile.slice(0, 2)),
      token('\ufffd', smile.slice(2)),
      token('y', [121]),
    ];
    const events: TuneEvent[] = [{ event: 'token', index: 0, text: 'x😀y', tokens: 4, logprobs }, ...GOOD.slice(5)];
    const { completion } = await wholeOf(events);
    expect(completion).toMatchObject({
      choices: [
        {
          logprobs: {
            tokens: ['x', 'bytes:\\xf0\\x9f', 'bytes:\\x98\\x80', 'y'],
            top_logprobs: [{ x: -1 }, { 'bytes:\\xf0\\x9f': -1 }, { 'bytes:\\x98\\x80': -1 }, { y: -1 }],
            text_offset: [0, 1, 1, 3],
          },
        },
      ],
    });
  });
});

describe('examples in the context', () => {
  it('are told in a comment before the first token', async () => {
    const text = await textOf(WITH_CONTEXT);
    const lines = text.split('\n').filter((line) => line !== '');
    const told = lines.indexOf(': context 7 of 10 examples, 512 tokens');
    expect(lines[told - 1]).toMatch(/^: step 2\/2/);
    expect(lines[told + 1]).toMatch(/^data: .*"Hel"/);
    expect(dataOf(text)).toEqual(dataOf(await textOf(GOOD)));
  });

  it('are told beside a completion in one object, and only where there were any', async () => {
    const { completion, context } = await wholeOf(WITH_CONTEXT);
    expect(context).toEqual({ examples: 7, dropped: 3, tokens: 512 });
    expect(completion).toEqual((await wholeOf(GOOD)).completion);
    expect((await wholeOf(GOOD)).context).toBeUndefined();
  });
});

describe('a stream that failed', () => {
  it('is told to the log too, whole', async () => {
    const failure = new TypeError('secret detail');
    const failures: unknown[] = [];
    const options = { onFailure: (error: unknown) => void failures.push(error) };
    for await (const _ of streamOf([failure], options));
    for await (const _ of streamOf(GOOD, options));
    expect(failures).toEqual([failure]);
  });
});

describe('a completion in one object', () => {
  it('holds the whole text, reason and usage', async () => {
    expect((await wholeOf(GOOD)).completion).toMatchObject({
      object: 'text_completion',
      choices: [{ text: 'Hello', index: 0, logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, prompt_tokens_details: { tuning_tokens: 18 } },
    });
  });

  it('throws the gateway’s own words for an error event', async () => {
    const error = { message: 'it broke', type: 'server_error', code: 'backend', param: null };
    const failing = async () => wholeOf([{ event: 'error', error }]);
    await expect(failing()).rejects.toBeInstanceOf(UpstreamError);
    await expect(failing()).rejects.toThrow('it broke');
  });

  it.each([
    ['deadline', 504, undefined],
    ['shutting_down', 503, '5'],
    ['queue_full', 503, '5'],
    ['backend', 502, undefined],
  ])('keeps the status of an error event’s kind: %s is %i', async (code, status, retryAfter) => {
    const error = { message: 'it broke', type: 'server_error', code, param: null };
    const failed = await wholeOf([{ event: 'error', error }]).catch((error) => error);
    expect(failed.wire).toMatchObject({ status, body: { error: { code, message: 'it broke' } } });
    expect(failed.wire.headers['retry-after']).toBe(retryAfter);
  });
});
