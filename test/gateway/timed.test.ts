// What a model's pace learns from work that is asked for one by one, and all at once.
import { expect, it } from 'vitest';
import type { Backend, Session } from '../../gateway/backends/contract.ts';
import { Pace } from '../../gateway/pace.ts';
import { createTimeLeft } from '../../gateway/time-left.ts';
import { timedBackend } from '../../gateway/timed.ts';
import { fakeModel } from './fake-backend.ts';
import { never, OPEN } from './tinker-harness.ts';

/** Texts of 3, 6 and 9 units; the results of all come after 90 ms, one right after another. */
const TEXTS = ['a'.repeat(9), 'b'.repeat(18), 'c'.repeat(27)];

const learnt = async (pipelined: boolean) => {
  let now = 0;
  const told: [string, number, number][] = [];
  const pace = new Pace();
  pace.step = (_, units, ms) => void told.push(['step', units, ms]);
  pace.read = (units, ms) => void told.push(['read', units, ms]);
  const results = async function* <T>(of: (ms: number) => T): AsyncGenerator<T> {
    now += 90;
    for (const [i] of TEXTS.entries()) yield of(i === 0 ? 90 : 0);
  };
  const session = {
    train: () => results((ms) => ({ loss: 1, tokens: 1, truncated: false, ms, reused: false })),
    losses: () => results(() => 1),
  } as unknown as Session;
  const capabilities = { ...fakeModel().capabilities, pipelined };
  const backend = { open: async () => session } as unknown as Backend;
  const timed = await timedBackend(backend, fakeModel({ capabilities }), pace, () => now).open(OPEN, never);
  for await (const _ of timed.train(TEXTS, never)) now += 1_000; // a slow reader takes no time of the model's
  for await (const _ of timed.losses(TEXTS, never));
  return told;
};

it('shares the time of work that was asked for at once among its pieces, by their lengths', async () => {
  expect(await learnt(true)).toEqual([
    ['step', 3, 15],
    ['step', 6, 30],
    ['step', 9, 45],
    ['read', 3, 15],
    ['read', 6, 30],
    ['read', 9, 45],
  ]);
});

it('times each piece of work that is asked for by itself', async () => {
  expect((await learnt(false)).map(([, , ms]) => ms)).toEqual([90, 0, 0, 90, 0, 0]);
});

it('counts the first result of work that was asked for at once among the rest', () => {
  const left = (pipelined: boolean): boolean => {
    const time = createTimeLeft({ now: () => 0, until: 100, rest: 0, pipelined });
    for (const ms of [90, 0, 0]) time.measured(ms, 1);
    return time.fits(3); // at the speed of all three: 90 ms, times the margin
  };
  expect([left(true), left(false)]).toEqual([false, true]);
});
