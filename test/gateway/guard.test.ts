// The guard over HTTP with a backend whose losses a test decides: what is undone, what is told of it, and what it costs.
import { describe, expect, it } from 'vitest';
import { tune } from '../../gateway/tune.ts';
import { settleUse } from '../../gateway/use.ts';
import { GUARD_MAX_RESTARTS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { tuneRequest } from '../../wire/tune/requests.ts';
import {
  type ScoreResponse,
  scoreResponse,
  type TuneEvent,
  type TuneResponse,
  tuneResponse,
} from '../../wire/tune/responses.ts';
import { fakeBackend } from './fake-backend.ts';
import { allEvents, json, request, soon, start } from './harness.ts';

const RATE = 9e-3;
const picksOf = (...texts: string[]) => texts.map((text, i) => ({ id: `${i}${text}`, text }));
const six = picksOf('a', 'b', 'c', 'd', 'e', 'f');
const sampling = { max_tokens: 16, temperature: 0 };
const asked = { ...request, picks: six, sampling, tuning: { learning_rate: RATE } };
type LossOf = (text: string, steps: number, rate: number) => number;

const tuned = async (lossOf: LossOf, changes: object = {}, options = {}) => {
  const served = await start({ lossOf, ...options });
  const { response } = await served.call('/v1/tune', { ...asked, ...changes });
  expect(response.status).toBe(200);
  return { ...served, answer: await json(response, tuneResponse) };
};
const guardOf = ({ usage }: TuneResponse) => usage.tuning.guard;
const near = (value: number) => expect.closeTo(value, 6);

/** Steps help, all picks alike. */
const helps: LossOf = (_, steps) => (steps > 0 ? 2.92 : 3);
/** Steps at more than this rate harm, below it they help. */
const harmsAbove =
  (most: number): LossOf =>
  (text, steps, rate) =>
    rate > most ? 3 + steps : helps(text, steps, rate);
const names = (events: readonly TuneEvent[]) => events.map(({ event }) => event);

describe('steps that help', () => {
  it('are kept, with the mean difference of the picks after the first', async () => {
    const { backend, answer } = await tuned(helps);
    expect(guardOf(answer)).toEqual({
      prequential: near(-0.08),
      kept_steps: 6,
      undone_steps: 0,
      rate: RATE,
      restarts: 0,
      outcome: 'kept',
      reason: null,
    });
    expect(answer.usage.steps).toBe(6);
    // one forward pass a pick, but for the first, whose own step tells its loss
    expect(backend.lossesOf).toEqual(['b', 'c', 'd', 'e', 'f']);
    expect(backend.log.filter((line) => line.startsWith('restart'))).toEqual([]);
  });

  it('of picks whose base losses differ are compared pick by pick', async () => {
    const { answer } = await tuned((text, steps) => text.charCodeAt(0) - (steps > 0 ? 0.08 : 0));
    expect(guardOf(answer)).toMatchObject({ prequential: near(-0.08), outcome: 'kept' });
  });
});

describe('a rate that is too large', () => {
  it('is lowered as soon as it shows, and the steps are made again', async () => {
    const { backend, answer } = await tuned(harmsAbove(RATE / 2));
    expect(backend.log).toEqual([
      ...['step a', 'step b', `restart ${RATE / 3}`],
      ...six.map(({ text }) => `step ${text}`),
      'generate Say 0',
    ]);
    expect(guardOf(answer)).toMatchObject({
      outcome: 'lowered',
      kept_steps: 6,
      undone_steps: 2,
      rate: RATE / 3,
      restarts: 1,
      prequential: near(-0.08),
      reason: expect.stringContaining(`at learning_rate ${RATE}`),
    });
    expect(answer.steps.map(({ index, of }) => [index, of])).toEqual([0, 1, 2, 3, 4, 5].map((i) => [i, 6]));
    expect(answer.usage).toMatchObject({ steps: 8, tuning_tokens: 8, tuning: { learning_rate: RATE } });
  });

  it('is lowered so often and no more; the base model then answers', async () => {
    const { backend, answer } = await tuned(harmsAbove(0));
    expect(backend.log.filter((line) => line.startsWith('restart'))).toHaveLength(GUARD_MAX_RESTARTS + 1);
    expect(backend.log.slice(-2)).toEqual([`restart ${RATE / 3 / 3}`, 'generate Say 0']);
    expect(guardOf(answer)).toMatchObject({
      outcome: 'base',
      kept_steps: 0,
      undone_steps: 2 * (GUARD_MAX_RESTARTS + 1),
      restarts: GUARD_MAX_RESTARTS,
    });
    expect(answer.steps).toEqual([]);
    expect(answer.usage.steps).toBe(6);
  });

  it('that makes a loss no number is lowered, and no such loss is streamed', async () => {
    const lossOf: LossOf = (text, steps, rate) => (rate === RATE && steps > 3 ? Number.NaN : helps(text, steps, rate));
    const { answer } = await tuned(lossOf);
    expect(guardOf(answer)).toMatchObject({ outcome: 'lowered', kept_steps: 6, undone_steps: 5 });
    expect(guardOf(answer)?.reason).toBe(`the loss of step 5 is no finite number at learning_rate ${RATE}`);
  });

  it('without the guard does what it does', async () => {
    const { backend, answer } = await tuned(harmsAbove(0), { tuning: { learning_rate: RATE, guard: false } });
    expect(guardOf(answer)).toBeNull();
    expect(answer.steps.map(({ loss }) => loss)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(backend.lossesOf).toEqual([]);
  });
});

describe('steps that cost a little', () => {
  const costs: LossOf = (_, steps) => 3 + 0.01 * steps;
  it('are made again once, at the end, and undone if they still do', async () => {
    const { backend, answer } = await tuned(costs);
    expect(backend.log.filter((line) => !line.startsWith('step'))).toEqual([
      ...[`restart ${RATE / 3}`, `restart ${RATE / 3}`, 'generate Say 0'],
    ]);
    expect(guardOf(answer)).toMatchObject({ outcome: 'base', restarts: 1, undone_steps: 12, prequential: near(0.03) });
  });
});

describe('steps that help at first only', () => {
  const turns: LossOf = (_, steps) => (steps === 0 ? 3 : steps <= 3 ? 2.92 : 3.1);
  it('are made again as far as they helped', async () => {
    const { backend, answer } = await tuned(turns, { stream: false });
    expect(backend.log).toEqual([
      ...six.map(({ text }) => `step ${text}`),
      ...[`restart ${RATE}`, 'step a', 'step b', 'step c', 'generate Say 0'],
    ]);
    expect(guardOf(answer)).toMatchObject({
      outcome: 'cut',
      kept_steps: 3,
      undone_steps: 6,
      rate: RATE,
      restarts: 1,
      prequential: near(-0.08),
      reason: 'the first picks gained 0.080 nats a token, and those after step 4 lost 0.100 nats a token',
    });
    expect(answer.steps.map(({ id, index, of }) => [id, index, of])).toEqual([
      ['0a', 0, 3],
      ['1b', 1, 3],
      ['2c', 2, 3],
    ]);
  });
});

describe('too few picks that are new to the model', () => {
  it.each([
    ['one', picksOf('a'), '1 of the picks is new to the model'],
    ['two', picksOf('a', 'b'), '2 of the picks are new to the model'],
    ['one, repeated', picksOf('a', 'a', 'a', 'a'), '1 of the picks is new to the model'],
  ])('%s: nothing is judged, undone or paid for', async (_, picks, reason) => {
    const { backend, answer } = await tuned(harmsAbove(0), { picks });
    expect(guardOf(answer)).toMatchObject({ prequential: null, outcome: 'kept', kept_steps: picks.length });
    expect(guardOf(answer)?.reason).toContain(reason);
    expect(backend.lossesOf).toEqual([]);
  });

  it('none: there is no guard to speak of', async () => {
    expect(guardOf((await tuned(helps, { picks: [] })).answer)).toBeNull();
    expect(guardOf((await tuned(helps, { use: 'context' })).answer)).toBeNull();
  });
});

describe('repeated picks', () => {
  // a text that was learnt from is easy, whatever became of the model for others
  const lossOf: LossOf = (text, steps) => (steps > 0 && text === 'a' ? 0 : 3 + 0.2 * steps);
  const picks = picksOf('a', 'a', 'a', 'b', 'a', 'c', 'a');
  it('do not count, and are computed once', async () => {
    const { backend, answer } = await tuned(lossOf, { picks });
    expect(backend.lossesOf).toEqual(['b', 'c']);
    expect(guardOf(answer)?.outcome).toBe('base');
  });

  it('with reused gradients count neither', async () => {
    const { answer } = await tuned(lossOf, { picks, tuning: { learning_rate: RATE, reuse_gradients: true } });
    expect(guardOf(answer)?.outcome).toBe('base');
  });
});

describe('a stream', () => {
  it('tells a restart between the steps, with the reason and how many steps follow', async () => {
    const { call } = await start({ lossOf: harmsAbove(RATE / 2) });
    const events = await allEvents((await call('/v1/tune', { ...asked, stream: true })).response);
    expect(names(events)).toEqual([
      ...['step', 'step', 'restart', ...six.map(() => 'step'), 'token', 'token', 'finish', 'usage', 'done'],
    ]);
    expect(events[2]).toEqual({
      event: 'restart',
      restart: {
        undone: 2,
        of: 6,
        learning_rate: RATE / 3,
        reason: `the last 2 picks cost 0.500 nats a token more than under the base weights at learning_rate ${RATE}`,
      },
    });
    expect(events.flatMap((event) => (event.event === 'step' ? [event.step.index] : []))).toEqual([
      ...[0, 1, 0, 1, 2, 3, 4, 5],
    ]);
  });

  it('says that no steps follow where the base model answers', async () => {
    const { call } = await start({ lossOf: harmsAbove(0) });
    const events = await allEvents((await call('/v1/tune', { ...asked, use: 'both', stream: true })).response);
    expect(names(events).slice(-7)).toEqual(['restart', 'context', 'token', 'token', 'finish', 'usage', 'done']);
    expect(events.at(-7)).toMatchObject({ restart: { of: 0, undone: 2 } });
  });
});

describe('a score', () => {
  const body = { model: 'base', context: 'Say', text: ' what', picks: six, tuning: { learning_rate: RATE } };
  const scored = async (lossOf: LossOf, changes: object = {}) => {
    const { backend, call } = await start({ lossOf });
    const { response } = await call('/v1/score', { ...body, ...changes });
    const answer: ScoreResponse = await json(response, scoreResponse);
    return { backend, answer };
  };

  it('is of the steps that were kept', async () => {
    const { answer, backend } = await scored(harmsAbove(RATE / 2));
    expect(answer.tuning.guard).toMatchObject({ outcome: 'lowered', undone_steps: 2, rate: RATE / 3 });
    expect(answer.steps).toHaveLength(6);
    expect(backend.scored.map(({ steps }) => steps)).toEqual([0, 6]);
  });

  it('is the base’s where all steps were undone, with its examples in the context where they belong there', async () => {
    const alone = await scored(harmsAbove(0));
    expect(alone.answer.after).toEqual(alone.answer.before);
    expect(alone.answer.steps).toEqual([]);
    const both = await scored(harmsAbove(0), { use: 'both' });
    expect(both.backend.scored).toMatchObject([
      { context: 'Say', steps: 0 },
      { context: expect.stringContaining('a\n\nb'), steps: 0 },
    ]);
  });
});

/** Work by a clock of its own: every loss and every step takes so many milliseconds of it. */
const clocked = async (lossOf: LossOf, ms: { loss: number; step: number }, until: number, request = six) => {
  let clock = 0;
  let bases = request.length - 1;
  const backend = fakeBackend({
    toldMs: ms.step,
    lossOf: (...now) => {
      clock += bases-- > 0 ? ms.loss : ms.step;
      return lossOf(...now);
    },
  });
  const served = { backend, model: at(backend.models, 0) };
  const body = settleUse(served.model, tuneRequest.parse({ ...asked, picks: request, sampling: { max_tokens: 0 } }));
  const events = await Array.fromAsync(tune(served, body, 0, new AbortController().signal, () => clock, until));
  const usage = events.find((event) => event.event === 'usage');
  return { guard: usage?.usage.tuning.guard, backend, clock };
};

describe('the request’s time', () => {
  const costs: LossOf = (_, steps) => 3 + 0.01 * steps;
  const ms = { loss: 0.1, step: 100 };
  it('is kept: without enough for the steps again the base answers, and it is said', async () => {
    const { guard, clock } = await clocked(costs, ms, 1_490);
    expect(guard).toMatchObject({ outcome: 'base', restarts: 0, undone_steps: 6 });
    expect(guard?.reason).toContain('there is no time left to make them again');
    expect(clock).toBeLessThan(1_490);
    const enough = await clocked(costs, ms, 1_600);
    expect(enough.guard).toMatchObject({ outcome: 'base', restarts: 1, undone_steps: 12 });
  });

  it('is kept: a rate that is too large is lowered while there is time for all steps again', async () => {
    const lowered = await clocked(harmsAbove(RATE / 2), ms, 1_200);
    expect(lowered.guard).toMatchObject({ outcome: 'lowered', kept_steps: 6 });
    expect(lowered.clock).toBeLessThan(1_200);
    const late = await clocked(harmsAbove(RATE / 2), ms, 1_000);
    expect(late.guard).toMatchObject({ outcome: 'base', undone_steps: 2 });
  });

  it('is kept: base losses that take too long are given up, and the steps are made unjudged', async () => {
    const { guard, backend } = await clocked(helps, { loss: 100, step: 100 }, 2_000);
    expect(guard).toMatchObject({
      prequential: null,
      outcome: 'kept',
      kept_steps: 6,
      reason: 'not judged: the losses under the base weights would have taken too long',
    });
    expect(backend.lossesOf).toHaveLength(2);
  });

  const long = picksOf('a', 'b', 'c').map(({ id, text }) => ({ id, text: text.repeat(2_000) }));
  it.each(['loss', 'restart'] as const)('ends in 504 and an end of the session, also in a %s', async (stage) => {
    const { backend, call } = await start({ lossOf: harmsAbove(0) }, { deadlineMs: 300 });
    backend.pauseAt(stage);
    const { response } = await soon('an answer', call('/v1/tune', { ...asked, picks: long }));
    expect(response.status).toBe(504);
    expect(backend.live()).toBe(0);
  });

  it.each(['loss', 'restart'] as const)('is not spent on a caller who leaves in a %s', async (stage) => {
    const { backend, call } = await start({ lossOf: harmsAbove(0) });
    const pause = backend.pauseAt(stage);
    const leave = new AbortController();
    const pending = call('/v1/tune', { ...asked, stream: true }, { signal: leave.signal }).then(({ response }) =>
      response.text(),
    );
    await soon(`a ${stage}`, pause.reached);
    leave.abort();
    await expect(pending).rejects.toThrow();
    await soon('the end of the session', backend.ended());
    expect(backend.log.filter((line) => line.startsWith('restart'))).toEqual([]);
  });
});

describe('what an operator sees', () => {
  it('counts outcomes, and steps with those that were undone', async () => {
    const { gateway, call } = await start({ lossOf: harmsAbove(RATE / 2) });
    await (await call('/v1/tune', asked)).response.text();
    const body = { model: 'base', text: 'x', picks: six, tuning: { learning_rate: RATE } };
    await (await call('/v1/score', body)).response.text();
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('sift_gateway_guard_total{backend="embedded",outcome="lowered"} 2');
    expect(metrics).toContain('sift_gateway_steps_total{backend="embedded"} 16');
  });
});
