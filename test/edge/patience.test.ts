import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { firstByte, untilIdle } from '../../functions/upstream/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  // no wait leaves its timer behind
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const faultOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error.fault ?? error,
  );

describe('the first byte', () => {
  it('may come at the last moment', async () => {
    const work = new Promise((resolve) => setTimeout(() => resolve('answer'), 999));
    const waiting = firstByte(work, 1000, () => {});
    await vi.advanceTimersByTimeAsync(999);
    expect(await waiting).toBe('answer');
  });

  it('that does not come is a timeout, and ends the work', async () => {
    const abort = vi.fn();
    const fault = faultOf(firstByte(new Promise(() => {}), 1000, abort));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await fault).toEqual({ kind: 'gateway_timeout', stage: 'first byte', afterMs: 1000 });
    expect(abort).toHaveBeenCalledOnce();
  });

  it('passes on how the work failed', async () => {
    expect(await faultOf(firstByte(Promise.reject(new Error('refused')), 1000, () => {}))).toEqual(
      new Error('refused'),
    );
  });
});

describe('a stream', () => {
  /** A byte every so many milliseconds, as long as there are delays. */
  const source = (delays: readonly number[], cancelled = vi.fn()) => {
    const left = [...delays];
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const delay = left.shift();
          if (delay === undefined) return controller.close();
          await new Promise((resolve) => setTimeout(resolve, delay));
          controller.enqueue(Uint8Array.of(1));
        },
        cancel: cancelled,
      },
      { highWaterMark: 0 },
    );
    return { stream, cancelled };
  };
  const count = async (stream: ReadableStream<Uint8Array>, ms: number) => {
    let bytes = 0;
    for await (const chunk of untilIdle(stream, ms)) bytes += chunk.byteLength;
    return bytes;
  };

  it('may last as long as it likes while bytes come', async () => {
    const bytes = count(source(Array.from({ length: 50 }, () => 900)).stream, 1000);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(await bytes).toBe(50);
  });

  it('that falls silent is a timeout, and is cancelled', async () => {
    const { stream, cancelled } = source([10, 10, 5000]);
    const fault = faultOf(count(stream, 1000));
    await vi.advanceTimersByTimeAsync(6000);
    expect(await fault).toEqual({ kind: 'gateway_timeout', stage: 'idle', afterMs: 1000 });
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it('is cancelled when its reader leaves, and waits for a slow reader', async () => {
    const { stream, cancelled } = source([10, 10, 10]);
    const events = untilIdle(stream, 1000);
    const first = events.next();
    await vi.advanceTimersByTimeAsync(10);
    expect((await first).done).toBe(false);
    await vi.advanceTimersByTimeAsync(5000);
    expect(vi.getTimerCount()).toBe(0);
    await events.return();
    expect(cancelled).toHaveBeenCalledOnce();
  });
});
