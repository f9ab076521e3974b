import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Patience } from '../../functions/upstream/deadline.ts';
import { pieces, readUpTo } from '../../functions/upstream/read.ts';
import { FaultError } from '../../wire/faults.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  // no wait leaves its timer behind
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const caller = new AbortController();
const faultOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error.fault ?? error,
  );
const never = new Promise<never>(() => {});
const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(resolve, ms, value));
const IDLE = { kind: 'gateway_timeout', stage: 'idle', afterMs: 1000 };

describe('a wait', () => {
  it('may end at the last moment', async () => {
    const patience = new Patience(caller.signal, 10_000);
    const waiting = patience.wait(later(999, 'answer'), 1000, 'idle');
    await vi.advanceTimersByTimeAsync(999);
    expect(await waiting).toBe('answer');
    expect(patience.signal.aborted).toBe(false);
    patience.end();
  });

  it('that takes too long ends the call and its own I/O', async () => {
    const patience = new Patience(caller.signal, 10_000);
    const fault = faultOf(patience.wait(never, 1000, 'idle'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await fault).toEqual(IDLE);
    expect(patience.signal.reason.fault).toEqual(IDLE);
  });

  it('ends at the call’s deadline, even while something always comes', async () => {
    const patience = new Patience(caller.signal, 2500);
    const fault = faultOf(
      (async () => {
        while (true) await patience.wait(later(900, 'byte'), 1000, 'idle');
      })(),
    );
    await vi.advanceTimersByTimeAsync(3000);
    expect(await fault).toEqual({ kind: 'deadline', afterMs: 2500, stage: 'gateway' });
  });

  it('ends when the caller leaves, and does not begin for one who has left', async () => {
    const caller = new AbortController();
    const patience = new Patience(caller.signal, 10_000);
    const fault = faultOf(patience.wait(never, 1000, 'idle'));
    caller.abort();
    expect(await fault).toEqual({ kind: 'cancelled', stage: 'gateway' });
    expect(await faultOf(new Patience(caller.signal, 10_000).wait(never, 1000, 'idle'))).toMatchObject({
      kind: 'cancelled',
    });
  });

  it('passes on how the work failed', async () => {
    const patience = new Patience(caller.signal, 10_000);
    const failing = patience.wait(Promise.reject(new Error('refused')), 1000, 'idle');
    expect(await faultOf(failing)).toEqual(new Error('refused'));
    patience.end();
  });

  it('causes no unhandled rejection when its work fails after the call was stopped', async () => {
    const patience = new Patience(caller.signal, 500);
    const work = later(1000, undefined).then(() => {
      throw new Error('too late to matter');
    });
    const fault = faultOf(patience.wait(work, 5000, 'idle'));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await fault).toMatchObject({ kind: 'deadline' });
  });

  it('leaves no listener on its caller once the call is over', () => {
    const caller = new AbortController();
    const removed = vi.spyOn(caller.signal, 'removeEventListener');
    const patience = new Patience(caller.signal, 10_000);
    patience.end();
    expect(removed).toHaveBeenCalledOnce();
    caller.abort();
    expect(patience.signal.aborted).toBe(false);
  });
});

describe('a body', () => {
  /** A byte every so many milliseconds, as long as there are delays. */
  const source = (delays: readonly number[], cancelled = vi.fn()) => {
    const left = [...delays];
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const delay = left.shift();
          if (delay === undefined) return controller.close();
          await later(delay, undefined);
          controller.enqueue(Uint8Array.of(1));
        },
        cancel: cancelled,
      },
      { highWaterMark: 0 },
    );
    return { stream, cancelled };
  };

  it('may last as long as it likes while bytes come, up to the deadline', async () => {
    const patience = new Patience(caller.signal, 100_000);
    const bytes = readUpTo(new Response(source(Array.from({ length: 50 }, () => 900)).stream), 50, patience, 1000);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(await bytes).toHaveLength(50);
    patience.end();
  });

  it('that falls silent is a timeout, and is cancelled', async () => {
    const { stream, cancelled } = source([10, 10, 5000]);
    const patience = new Patience(caller.signal, 100_000);
    const fault = faultOf(readUpTo(new Response(stream), 50, patience, 1000));
    await vi.advanceTimersByTimeAsync(6000);
    expect(await fault).toEqual(IDLE);
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it('of one byte more than the limit is refused and cancelled; of the limit it is read', async () => {
    const patience = new Patience(caller.signal, 100_000);
    const { stream, cancelled } = source([1, 1, 1, 1]);
    const tooLarge = faultOf(readUpTo(new Response(stream), 3, patience, 1000));
    await vi.advanceTimersByTimeAsync(10);
    expect(await tooLarge).toMatchObject({ message: 'its answer is larger than 3 bytes' });
    expect(cancelled).toHaveBeenCalledOnce();
    const fits = readUpTo(new Response(source([1, 1, 1]).stream), 3, patience, 1000);
    await vi.advanceTimersByTimeAsync(10);
    expect(await fits).toHaveLength(3);
    const declared = new Response('xyz', { headers: { 'content-length': '4' } });
    await expect(readUpTo(declared, 3, patience, 1000)).rejects.toBeInstanceOf(FaultError);
    patience.end();
  });

  it('is cancelled when its reader leaves, and waits for a slow reader', async () => {
    const { stream, cancelled } = source([10, 10, 10]);
    const patience = new Patience(caller.signal, 100_000);
    const bytes = pieces(stream, patience, 1000);
    const first = bytes.next();
    await vi.advanceTimersByTimeAsync(10);
    expect((await first).done).toBe(false);
    await vi.advanceTimersByTimeAsync(5000);
    // the deadline's alone
    expect(vi.getTimerCount()).toBe(1);
    await bytes.return();
    expect(cancelled).toHaveBeenCalledOnce();
    patience.end();
  });
});
