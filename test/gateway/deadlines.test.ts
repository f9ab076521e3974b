// Deadlines that follow from the model: a request that cannot end in time is refused before it takes a place in the queue,
// and work that takes many times what such work took before is ended. The clock is the test's own; steps move it.
import { expect, it, vi } from 'vitest';
import type { Backend } from '../../gateway/backends/contract.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import {
  GATEWAY_DEADLINE_MS,
  GATEWAY_IDLE_MS,
  MAX_DEADLINE_MS,
  PACE_LEAST,
  PACE_LEAST_MS,
  SSE_HEARTBEAT_MS,
  TUNE_DEADLINE_MS,
} from '../../wire/limits.ts';
import { fakeBackend } from './fake-backend.ts';
import { allEvents, errorOf, request, serve, untilHealth } from './harness.ts';

const STEP_MS = 1_400;

/** A gateway whose backend takes some milliseconds of a clock of its own for each step, and none for the rest. */
const slow = async (deadlineMs: number) => {
  let ms = 0;
  const fake = fakeBackend();
  const backend: Backend = {
    ...fake,
    async open(options, signal) {
      const session = await fake.open(options, signal);
      return {
        ...session,
        async *train(examples, aborted) {
          for await (const step of session.train(examples, aborted)) {
            ms += STEP_MS;
            yield step;
          }
        },
      };
    },
  };
  const served = await serve({ registry: registryOf(backend), deadlineMs, clock: () => ms });
  const ask = (n: number, changes: object = {}) =>
    served.call('/v1/tune', {
      ...request,
      picks: Array.from({ length: n }, (_, i) => ({ id: `${i}`, text: `text ${i % 7}` })),
      ...changes,
    });
  return { fake, ask, ...served };
};

it('refuses at once, with the numbers, what cannot end in time, and takes what its words say can', async () => {
  const { fake, ask, call, gateway } = await slow(60_000);
  // as long as too few steps were measured nothing is refused
  expect((await ask(PACE_LEAST - 1)).response.status).toBe(200);
  expect((await ask(50)).response.status).toBe(200);
  const opened = fake.opened.length;
  const { response } = await ask(50, { stream: true });
  expect(response.status).toBe(400);
  expect(await errorOf(response)).toMatchObject({
    type: 'invalid_request_error',
    code: 'beyond_deadline',
    param: 'picks',
    message: 'n = 50 steps of about 1.4 s each take 70 s, the deadline is 60 s: ask for at most 38 picks',
  });
  const scored = await call('/v1/score', {
    model: 'base',
    text: 'x',
    picks: Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, text: 'text' })),
  });
  expect((await errorOf(scored.response)).message).toContain('ask for at most 38 picks');
  expect(fake.opened.length).toBe(opened);
  await untilHealth(gateway.url, ({ running, waiting }) => running + waiting === 0);
  const taken = await ask(38, { stream: true });
  expect((await allEvents(taken.response)).at(-1)).toMatchObject({ event: 'done' });
  // LoRA was never measured, and picks in the context are no steps
  expect((await ask(50, { tuning: { method: 'lora' } })).response.status).toBe(200);
  expect((await ask(50, { use: 'context' })).response.status).toBe(200);
});

it('refuses also where a backend is full: a place in the queue would be of no use', async () => {
  const { fake, ask } = await slow(60_000);
  await ask(PACE_LEAST);
  const held = fake.pauseAt('open');
  const first = ask(1);
  await held.reached;
  expect((await ask(50)).response.status).toBe(400);
  held.release();
  expect((await first).response.status).toBe(200);
});

it('ends work that takes many times what such work took before, and says after how long', async () => {
  const { fake, ask } = await slow(100_000);
  const options = { sampling: { max_tokens: 0 } };
  for (let i = 0; i < PACE_LEAST; i++) await ask(1, { sampling: { max_tokens: 1 } });
  const hangs = fake.pauseAt('step');
  // not those of sockets, which only Node itself can fire
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const asked = ask(2, options);
    await hangs.reached;
    await vi.advanceTimersByTimeAsync(PACE_LEAST_MS - 1);
    expect(fake.live()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    const { response } = await asked;
    expect(response.status).toBe(504);
    expect(await errorOf(response)).toMatchObject({
      code: 'deadline',
      message: `the request took longer than ${PACE_LEAST_MS} ms (stage: work)`,
    });
  } finally {
    vi.useRealTimers();
  }
  await fake.ended();
});

it('comes before the edge gives up, whatever the gateway was told', () => {
  expect(GATEWAY_DEADLINE_MS).toBeGreaterThan(MAX_DEADLINE_MS);
  expect(MAX_DEADLINE_MS).toBeGreaterThanOrEqual(TUNE_DEADLINE_MS);
  expect(GATEWAY_IDLE_MS).toBeGreaterThan(2 * SSE_HEARTBEAT_MS);
});
