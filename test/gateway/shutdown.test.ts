// The end of a gateway: newcomers are refused, those inside finish or are told why not, and nothing hangs.
import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../gateway/backends/registry.ts';
import { fakeBackend, fakeModel } from './fake-backend.ts';
import { allEvents, errorOf, request, serve, soon, start, untilHealth } from './harness.ts';

const streamed = { ...request, stream: true };

describe('a gateway that shuts down', () => {
  it('refuses newcomers with 503 and Retry-After, says so in /health, and lets those inside finish', async () => {
    const { backend, gateway, call } = await start();
    const step = backend.pauseAt('step');
    const { response: inside } = await call('/v1/tune', streamed);
    await step.reached;
    const { response: waiting } = await call('/v1/tune', streamed);
    const closed = gateway.close();
    for (const path of ['/v1/tune', '/v1/score']) {
      const body = path === '/v1/tune' ? request : { model: 'base', text: 'x' };
      const { response } = await call(path, body);
      expect(response.status).toBe(503);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await errorOf(response)).code).toBe('shutting_down');
    }
    const health = await fetch(`${gateway.url}/health`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: 'shutting down', running: 1, waiting: 1 });
    step.release();
    expect((await allEvents(inside)).at(-1)?.event).toBe('done');
    expect((await allEvents(waiting)).at(-1)?.event).toBe('done');
    await soon('the end', closed);
    expect(backend.closed()).toBe(true);
    await expect(fetch(`${gateway.url}/health`)).rejects.toThrow();
  });

  it('ends what outlasts the grace period: an error event in a stream, 503 without one', async () => {
    const { backend, gateway, call } = await start();
    const step = backend.pauseAt('step');
    const { response: inside } = await call('/v1/tune', streamed);
    await step.reached;
    const { response: streamWaiting } = await call('/v1/tune', streamed);
    const waiting = call('/v1/tune', request);
    await untilHealth(gateway.url, (health) => health.waiting === 2);
    const closed = gateway.close(20);
    // who worked may have to pay again, who waited lost nothing: the edge asks another gateway for the second alone
    expect((await allEvents(inside)).at(-1)).toMatchObject({ error: { code: 'stopped' } });
    expect((await allEvents(streamWaiting)).at(-1)).toMatchObject({ error: { code: 'shutting_down' } });
    const { response } = await waiting;
    expect((await errorOf(response.clone())).code).toBe('shutting_down');
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    await soon('the end', closed);
    expect(backend.live()).toBe(0);
  });

  it('ends although a backend hangs in closing a session, and another throws when it is closed', async () => {
    const hanging = fakeBackend({ models: [fakeModel()] });
    const broken = fakeBackend({ models: [fakeModel({ id: 'other' })] });
    const registry = createRegistry({ broken: { ...broken, close: () => Promise.reject(new Error('no')) }, hanging });
    const { gateway, call } = await serve({ registry });
    hanging.pauseAt('close');
    const step = hanging.pauseAt('step');
    const { response } = await call('/v1/tune', streamed);
    await step.reached;
    const closed = gateway.close(0);
    expect((await allEvents(response)).at(-1)).toMatchObject({ error: { code: 'stopped' } });
    await soon('the end', closed);
    expect(hanging.closed()).toBe(true);
  });

  it('can be told twice', async () => {
    const { gateway } = await start();
    await soon('the end', Promise.all([gateway.close(), gateway.close()]));
  });
});
