// Each limit of the gateway at its edge: the limit itself is served, one more is refused by name.
import { describe, expect, it } from 'vitest';
import {
  MAX_NEW_TOKENS,
  MAX_QUEUE,
  MAX_QUEUE_PER_TENANT,
  MAX_RANK,
  MAX_STEPS,
  MAX_TENANT_CHARACTERS,
  MAX_TUNE_BODY_BYTES,
} from '../../wire/limits.ts';
import { allEvents, errorOf, picks, request, start, untilHealth } from './harness.ts';

describe('a limit of a request', () => {
  const steps = (count: number) => ({ ...request, picks: Array(count).fill(picks[0]) });
  const tokens = (max_tokens: number) => ({ ...request, sampling: { max_tokens } });
  const rank = (value: number) => ({ ...request, tuning: { method: 'lora', rank: value } });
  const tenant = (length: number) => ({ ...request, tenant: 't'.repeat(length) });

  it.each([
    ['MAX_STEPS', steps(MAX_STEPS), steps(MAX_STEPS + 1), 'picks'],
    ['MAX_NEW_TOKENS', tokens(MAX_NEW_TOKENS), tokens(MAX_NEW_TOKENS + 1), 'sampling.max_tokens'],
    ['MAX_RANK', rank(MAX_RANK), rank(MAX_RANK + 1), 'tuning.rank'],
    ['MAX_TENANT_CHARACTERS', tenant(MAX_TENANT_CHARACTERS), tenant(MAX_TENANT_CHARACTERS + 1), 'tenant'],
  ])('%s is served, one more is refused by name', async (_, most, more, param) => {
    const { backend, call } = await start();
    const { response: served } = await call('/v1/tune', most);
    expect([served.status, backend.opened.length]).toEqual([200, 1]);
    const { response: refused } = await call('/v1/tune', more);
    expect([refused.status, backend.opened.length]).toEqual([400, 1]);
    expect(await errorOf(refused)).toMatchObject({ code: 'bad_field', param });
  });

  it('MAX_TUNE_BODY_BYTES are read, one byte more is refused with 413', async () => {
    const { call } = await start();
    const body = (bytes: number) => JSON.stringify(request).padEnd(bytes, ' ');
    expect((await call('/v1/tune', body(MAX_TUNE_BODY_BYTES))).response.status).toBe(200);
    const { response } = await call('/v1/tune', body(MAX_TUNE_BODY_BYTES + 1));
    expect([response.status, (await errorOf(response)).code]).toEqual([413, 'too_large']);
  });
});

describe('a limit of the queue', () => {
  /** A gateway at work for `busy`, with so many waiting for each tenant. */
  const filled = async (waiting: readonly (readonly [tenant: string, count: number])[]) => {
    const started = await start();
    const step = started.backend.pauseAt('step');
    const running = started.call('/v1/tune', { ...request, tenant: 'busy' });
    await step.reached;
    const calls: ReturnType<typeof started.call>[] = [];
    let total = 0;
    for (const [tenant, count] of waiting) {
      for (let i = 0; i < count; i++) calls.push(started.call('/v1/tune', { ...request, tenant }));
      total += count;
      await untilHealth(started.gateway.url, (health) => health.waiting === total);
    }
    return { ...started, step, all: [running, ...calls] };
  };

  it('MAX_QUEUE_PER_TENANT of a tenant wait, one more is told 503 while others get in', async () => {
    const { call, step, all, gateway } = await filled([['flood', MAX_QUEUE_PER_TENANT]]);
    const { response: refused } = await call('/v1/tune', { ...request, tenant: 'flood' });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await errorOf(refused)).toMatchObject({
      code: 'queue_full',
      message: expect.stringContaining(
        `${MAX_QUEUE_PER_TENANT} of your requests are waiting, the limit is ${MAX_QUEUE_PER_TENANT};`,
      ),
    });
    const stranger = call('/v1/tune', { ...request, tenant: 'stranger' });
    await untilHealth(gateway.url, ({ waiting }) => waiting === MAX_QUEUE_PER_TENANT + 1);
    step.release();
    for (const { response } of await Promise.all([...all, stranger])) expect(response.status).toBe(200);
  });

  it('MAX_QUEUE wait, one more is told 503 when nobody holds more than a share', async () => {
    const tenants = Array.from({ length: MAX_QUEUE }, (_, i) => [`tenant-${i}`, 1] as const);
    const { call, step, all } = await filled(tenants);
    const { response: refused } = await call('/v1/tune', { ...request, tenant: 'one too many' });
    expect(refused.status).toBe(503);
    expect((await errorOf(refused)).message).toContain(`${MAX_QUEUE} requests are waiting, the limit is ${MAX_QUEUE};`);
    step.release();
    for (const { response } of await Promise.all(all)) expect(response.status).toBe(200);
  });

  it('a full queue still takes a stranger: the newest of whoever holds most is told 503 instead', async () => {
    const { call, step, all } = await filled([
      ['one', MAX_QUEUE / 2],
      ['two', MAX_QUEUE / 2],
    ]);
    const stranger = call('/v1/tune', { ...request, tenant: 'stranger' });
    // of tenant `one`, whichever came last: requests on connections of their own need not arrive in order
    const { response: newest } = await Promise.race(all.slice(1, 1 + MAX_QUEUE / 2));
    expect(newest.status).toBe(503);
    expect(Number(newest.headers.get('retry-after'))).toBeGreaterThan(0);
    step.release();
    expect((await stranger).response.status).toBe(200);
    const statuses = (await Promise.all(all)).map(({ response }) => response.status);
    expect(statuses.filter((status) => status === 200).length).toBe(MAX_QUEUE);
  });

  it('a stream that lost its place says so in an error event', async () => {
    const { call, step, gateway, all } = await filled([['one', MAX_QUEUE / 2 - 1]]);
    const { response: newest } = await call('/v1/tune', { ...request, tenant: 'one', stream: true });
    const others = [];
    for (let i = 0; i < MAX_QUEUE / 2; i++) others.push(call('/v1/tune', { ...request, tenant: `other-${i}` }));
    await untilHealth(gateway.url, ({ waiting }) => waiting === MAX_QUEUE);
    const stranger = call('/v1/tune', { ...request, tenant: 'stranger' });
    const seen = await allEvents(newest);
    expect(seen.at(-1)).toMatchObject({
      event: 'error',
      error: {
        code: 'queue_full',
        message: expect.stringMatching(/^16 of your requests are waiting, the limit is 1;/),
      },
    });
    step.release();
    for (const { response } of await Promise.all([...all, ...others, stranger])) expect(response.status).toBe(200);
  });
});
